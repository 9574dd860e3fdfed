"""The keys and the flags of URL queries that say nothing about a person."""

from .key_words import words_in

__all__ = ["FLAGS", "SAFE"]

SAFE = words_in(
    """
    page pages per_page page_size pagesize limit offset start end from to since until before after cursor
    sort sort_by sortby order order_by orderby direction dir fields include exclude expand embed select
    format output pretty indent lang language locale hl gl v ver version api_version apiversion view mode
    type kind category categories tag tags status state filter level size width height quality w h q_f dpr
    fit crop theme tab section step interval window range period granularity resolution unit units currency
    timezone tz date start_date end_date start_time end_time year month week day hour minute time timestamp
    ts count total depth max min top skip utm_source utm_medium utm_campaign utm_term utm_content ref
    feature flag flags env environment region zone cluster namespace service operation method route protocol
    encoding charset content_type accept action event metric aggregation group_by groupby bucket index shard
    partition wait timeout retry retries dry_run force verbose debug trace explain profile cache nocache
    refresh async sync recursive watch follow stream platform os browser device channel source medium
    variant color brand model sku product product_id item item_id plan tier role scope response_type
    grant_type prompt code_challenge_method response_mode x_amz_algorithm x_amz_expires x_amz_date
    x_amz_signedheaders x_id list_type delimiter max_keys part_number uploads
    """
)
# Words that stand without a value; ``amp`` is what is left of an ampersand in HTML.
FLAGS = words_in(
    """
    download dl raw inline attachment thumbnail preview print embed amp
    versions versioning uploads acl cors lifecycle policy tagging location logging notification website
    encryption replication torrent restore delete attributes retention metrics inventory analytics
    wsdl xsd xml json html csv pdf yaml txt pretty verbose debug trace full brief short compact
    force recursive refresh nocache wait watch follow stream async sync health ready live status ping
    help list all count head metadata config settings expand
    """
)
