"""The SQL of metric questions: points become intervals of time, intervals are cut into steps.

A value of a gauge holds until the next one. A sum or a histogram grew between two points of one stream
(resource, scope, attributes and start), or since the start of a delta; the growth is spread evenly over that
time, so that a step shorter than the export interval has no holes and the total is right whatever the step.

``$named`` parameters are DuckDB's, ``{rows}`` is the engine's, other braces are `metric_series`'s; times are
unix nanoseconds. ``grouped`` is a JSON array of the values of the keys that are grouped by.
"""

__all__ = ["EXEMPLARS", "EXPLICIT", "EXPONENTIAL", "GROWTH", "HELD", "LATEST", "POINTS"]

_PARTS = {
    # A stream says what its attributes are: JSON is read once for each, not for each of its points.
    "picked": """
labels AS (
    SELECT stream, {grouped} AS grouped, {wanted} AS wanted FROM (
        SELECT stream, first(attributes_json) AS attributes_json, first(resource_json) AS resource_json
        FROM {{rows}} WHERE <of the metric> AND <in reach> GROUP BY stream
    )
), picked AS (
    SELECT DISTINCT ON (stream, start_ns, time_ns)
        stream, process, start_ns, time_ns, temporality, {columns}
    FROM {{rows}} WHERE <of the metric> AND <in reach>
)""",
    "in reach": "time_ns > $since AND time_ns <= $until",
    # What else a process exported tells when a new stream began: so the filter by attributes comes later.
    "exports": """
exports AS (
    SELECT process, time_ns, lag(time_ns) OVER (PARTITION BY process ORDER BY time_ns) AS exported_ns
    FROM (SELECT DISTINCT process, time_ns FROM picked)
)""",
    "of the metric": """
name = $name AND unit = $unit AND list_contains($kinds, kind) AND ($service = '' OR service = $service)""",
    # The largest groups, and how many there are; `binned` has grouped, bin and v.
    "largest": """
, ranked AS (
    SELECT grouped, count(*) OVER () AS groups FROM binned
    GROUP BY grouped ORDER BY sum(abs(v)) DESC NULLS LAST, grouped LIMIT $most
)
SELECT grouped, groups, bin, v FROM binned JOIN ranked USING (grouped)
""",
    "bins": """
unnest(range(greatest(from_ns, $start) // $step, (least(to_ns, $end) - 1) // $step + 1))""",
    "share": """
(least(to_ns, (bin + 1) * $step, $end) - greatest(from_ns, bin * $step)) / (to_ns - from_ns)""",
    # Where growth begins: at a delta's start, at the point before, or, for the first point of a stream, at
    # its start, unless its process has exported without it since.
    "from": """
least(time_ns - 1, CASE
    WHEN temporality = 1 THEN if(start_ns > 0, start_ns, time_ns - 1)
    WHEN before_ns IS NOT NULL THEN before_ns
    ELSE greatest(start_ns, coalesce(exported_ns, 0))
END)""",
    # Buckets are read only of those points that matter: of a cumulative stream the last of each step.
    "streams": """
WITH <picked>, <exports>, marked AS (
    SELECT *, lag(count) OVER own AS before
    FROM picked WHERE count IS NOT NULL WINDOW own AS (PARTITION BY stream, start_ns ORDER BY time_ns)
), epochs AS (
    -- a count that falls without a new start is a reset all the same
    SELECT *, sum(if(count < before, 1, 0)) OVER (PARTITION BY stream, start_ns ORDER BY time_ns) AS epoch
    FROM marked
), chosen AS (
    SELECT stream, start_ns, time_ns, epoch, temporality, grouped,
        first_value(exported_ns) OVER own AS exported_ns
    FROM epochs JOIN labels USING (stream) JOIN exports USING (process, time_ns)
    WHERE wanted AND list_contains($groups, grouped)
    WINDOW own AS (PARTITION BY stream, start_ns, epoch ORDER BY time_ns)
    QUALIFY temporality = 1
        OR time_ns = max(time_ns) OVER (PARTITION BY stream, start_ns, epoch, time_ns // $step)
), buckets_of AS (
    SELECT stream, start_ns, time_ns, lowest, highest, bounds, counts, scale, zero_count, zero_threshold,
        positive_offset, negative_offset, negative_counts
    FROM {{rows}} WHERE <of the metric> AND <in reach> AND count IS NOT NULL
), thinned AS (
    SELECT DISTINCT ON (stream, start_ns, time_ns) *
    FROM chosen JOIN buckets_of USING (stream, start_ns, time_ns)
), spans AS (
    SELECT *, lag(time_ns) OVER own AS before_ns, lag(bounds) OVER own AS bounds_before,
        lag(counts) OVER own AS counts_before,
        lag(zero_threshold) OVER own AS threshold_before,
        min(scale) OVER (PARTITION BY stream, start_ns, epoch) AS common_scale
    FROM thinned WINDOW own AS (PARTITION BY stream, start_ns, epoch ORDER BY time_ns)
), points AS (
    SELECT stream, start_ns, epoch, time_ns, <from> AS from_ns, time_ns AS to_ns, temporality, grouped,
        lowest, highest, bounds, counts, counts_before, scale, common_scale, zero_count, zero_threshold,
        positive_offset, negative_offset, negative_counts,
        temporality = 1 OR before_ns IS NOT NULL OR start_ns > 0 OR epoch > 0 AS known,
        -- other bounds than before: what is new in a bucket cannot be told
        temporality = 2 AND before_ns IS NOT NULL AND (
            bounds IS DISTINCT FROM bounds_before OR zero_threshold IS DISTINCT FROM threshold_before
        ) AS relaid
    FROM spans
)""",
    # `buckets` has low, high and growth
    "weights": """
, cut AS (
    SELECT grouped, from_ns, to_ns, lowest, highest, low, high, growth, <bins> AS bin FROM buckets
    WHERE growth > 0 AND known AND NOT relaid AND to_ns > $start AND from_ns < $end
)
SELECT grouped, bin, greatest(low, lowest) AS least_value, least(high, highest) AS most_value,
    sum(growth * <share>) AS weight
FROM cut GROUP BY grouped, bin, least_value, most_value
""",
}


def _whole(text: str) -> str:
    while any(f"<{name}>" in text for name in _PARTS):
        for name, part in _PARTS.items():
            text = text.replace(f"<{name}>", part)
    return text


GROWTH = _whole("""
WITH <picked>, <exports>, ordered AS (
    SELECT *, lag(time_ns) OVER own AS before_ns, lag(amount) OVER own AS before,
        lag(total) OVER own AS total_before
    FROM picked WHERE amount IS NOT NULL WINDOW own AS (PARTITION BY stream, start_ns ORDER BY time_ns)
), grown AS (
    SELECT grouped, <from> AS from_ns, time_ns AS to_ns,
        temporality = 1 OR before_ns IS NULL OR (grows AND amount < before) AS anew,
        if(anew, amount, amount - before) AS growth, if(anew, total, total - total_before) AS total_growth
    FROM ordered JOIN labels USING (stream) JOIN exports USING (process, time_ns)
    WHERE wanted AND (temporality = 1 OR before_ns IS NOT NULL OR start_ns > 0)
), cut AS (
    SELECT *, <bins> AS bin FROM grown WHERE to_ns > $start AND from_ns < $end
), binned AS (
    SELECT grouped, bin, sum(growth * <share>) AS grown, sum(total_growth * <share>) AS grown_total, {v} AS v
    FROM cut GROUP BY grouped, bin
) <largest>
""")
"""Growth by group and step. ``columns``: amount, total (of the values, or NULL), grows (never falls)."""

HELD = _whole("""
WITH <picked>, timed AS (
    SELECT *, lead(start_ns) OVER (PARTITION BY stream ORDER BY time_ns) AS successor_ns,
        -- what started after this point takes its place; what has an earlier start runs beside it
        coalesce(lead(time_ns) OVER own, if(temporality = 2 AND successor_ns >= time_ns, successor_ns, NULL))
            AS next_ns
    FROM picked JOIN labels USING (stream) WHERE wanted
    WINDOW own AS (PARTITION BY stream, if(temporality = 2, start_ns, 0) ORDER BY time_ns)
), usual AS (
    -- exports that follow each other at once (a flush, an end) say nothing about the next one
    SELECT stream,
        greatest(15e9, least(2.5 * coalesce(median(next_ns - time_ns), 60e9), 1e17))::BIGINT AS hold_ns
    FROM timed GROUP BY stream
), held AS (
    SELECT grouped, amount, next_ns, time_ns AS from_ns,
        least(coalesce(next_ns, time_ns + hold_ns), time_ns + hold_ns) AS to_ns
    FROM timed JOIN usual USING (stream) WHERE amount IS NOT NULL
), cut AS (
    SELECT *, <bins> AS bin, next_ns IS NULL OR next_ns >= (bin + 1) * $step AS is_last,
        least(to_ns, (bin + 1) * $step) - greatest(from_ns, bin * $step) AS weight
    FROM held WHERE to_ns > $start AND from_ns < $end
), binned AS (
    SELECT grouped, bin, {v} AS v FROM cut GROUP BY grouped, bin HAVING v IS NOT NULL
) <largest>
""")
"""Values by group and step. A value holds until the next, or for 2.5 usual intervals. ``columns``: amount."""

POINTS = _whole("""
WITH <picked>, binned AS (
    SELECT grouped, time_ns // $step AS bin, count(amount) AS v
    FROM picked JOIN labels USING (stream)
    WHERE wanted AND time_ns >= $start AND time_ns < $end GROUP BY grouped, bin
) <largest>
""")
"""How many points there are. ``columns``: amount."""

EXPLICIT = _whole("""
<streams>, buckets AS (
    SELECT grouped, from_ns, to_ns, lowest, highest, known, relaid,
        unnest(counts) AS n, if(temporality = 1, 0, coalesce(unnest(counts_before), 0)) AS n_before,
        unnest(list_concat([NULL], bounds)) AS low, unnest(list_concat(bounds, [NULL])) AS high,
        n - n_before AS growth
    FROM points WHERE len(counts) > 0
) <weights>
""")
"""Weights of values between two bounds (NULL: no bound), by group and step."""

EXPONENTIAL = _whole("""
<streams>, indexed AS (
    SELECT *, 1 AS sign, unnest(counts) AS held,
        unnest(range(positive_offset, positive_offset + len(counts))) AS i FROM points
    UNION ALL
    SELECT *, -1, unnest(negative_counts),
        unnest(range(negative_offset, negative_offset + len(negative_counts))) FROM points
    UNION ALL
    SELECT *, 0, zero_count, 0 FROM points
), scaled AS (
    SELECT stream, start_ns, epoch, time_ns, from_ns, to_ns, temporality, grouped, lowest, highest,
        known, relaid, sign, common_scale, zero_threshold, sum(held) AS n,
        floor(i / pow(2.0, scale - common_scale)) AS i
    FROM indexed GROUP BY ALL
), buckets AS (
    -- a bucket that was not there before was empty: buckets move and grow with the values
    SELECT *, if(temporality = 1, n, n - coalesce(lag(n) OVER own, 0)) AS growth,
        pow(2.0, i * pow(2.0, -common_scale)) AS near, pow(2.0, (i + 1) * pow(2.0, -common_scale)) AS far,
        CASE sign WHEN 1 THEN near WHEN -1 THEN -far ELSE -zero_threshold END AS low,
        CASE sign WHEN 1 THEN far WHEN -1 THEN -near ELSE zero_threshold END AS high
    FROM scaled WINDOW own AS (PARTITION BY stream, start_ns, epoch, sign, i ORDER BY time_ns)
) <weights>
""")
"""As EXPLICIT, of exponential histograms, each stream at its coarsest scale."""

LATEST = _whole("""
SELECT max(time_ns), (max(time_ns) - min(time_ns)) / nullif(count(DISTINCT time_ns) - 1, 0) FROM {rows}
WHERE <of the metric> AND time_ns > $since GROUP BY process
""")
"""Of each process that exported of late: its last export, and the usual time between two (NULL after one)."""

EXEMPLARS = _whole("""
SELECT {grouped} AS grouped, attributes_json, exemplars_json FROM {{rows}}
WHERE <of the metric> AND {wanted} AND time_ns > $start AND time_ns <= $until AND exemplars_json <> '[]'
    AND list_contains($groups, grouped)
QUALIFY row_number() OVER (
    PARTITION BY time_ns // $step
    ORDER BY list_max(json_extract(exemplars_json, '$[*].value')::DOUBLE[]) DESC
) <= greatest(2, 5000 // (($end - $start) // $step))
""")
"""Arrays of exemplars with the attributes of their point; of each step those with the largest values."""
