"""The words of the built-in key policy: which keys are masked, and which only look like it."""

__all__ = [
    "EXACT",
    "EXEMPT",
    "GEN_AI",
    "GEN_AI_BESIDE",
    "GEN_AI_NEIGHBOURS",
    "GEN_AI_PARTS",
    "GEN_AI_TOLD",
    "LOG_KEYS",
    "MODEL_WORDS",
    "NAMES",
    "NO_SIBLINGS",
    "PERSONAL_MARKERS",
    "PERSONS",
    "PREFIXES",
    "QUALIFIERS",
    "SQL",
    "STEMS",
    "SUFFIXES",
    "URLS",
    "words_in",
]


def words_in(table: str) -> frozenset[str]:
    """The words of a table that is written as running text."""
    return frozenset(table.split())


# marker -> keys, in folded form; each matches exactly and as a suffix of words.
SUFFIXES: dict[str, str] = {
    "PASSWORD": """
        password passwd pwd passphrase passcode pass_phrase user_pass db_pass smtp_pass senha contrasena
        mot_de_passe passwort kennwort motdepasse
    """,
    "SECRET": """
        secret_key_base secret secrets client_secret
        secret_key secret_access_key private_key signing_key encryption_key
        master_key shared_key account_key app_key webhook_secret access_key connection_string dsn_secret
        conn_str sas credentials_json service_account_json
    """,
    "TOKEN": """
        token jwt bearer access_token refresh_token id_token auth_token csrf xsrf oauth_verifier
        code_verifier accesstoken authtoken dpop jwt_assertion oidc_data sec_websocket_protocol
    """,
    "API_KEY": """
        api_key apikey x_api_key access_key_id subscription_key api_secret appkey authkey auth_key
        license_key
    """,
    "CREDENTIALS": """
        authorization proxy_authorization credential credentials auth_header basic_auth http_auth userinfo
        x_auth x_pass
    """,
    "COOKIE": "cookie set_cookie cookies set_cookies",
    "SESSION": "session session_id sessionid phpsessid jsessionid session_key sess_id connect_sid sid",
    "OTP": """
        otp totp mfa_code otp_code verification_code one_time_code one_time_password two_factor_code
        2fa_code sms_code recovery_code backup_code security_answer
    """,
    "CVV": "cvv cvc cvv2 cvc2 card_cvv card_cvc csc card_security_code security_code",
    "PIN": "pin_code card_pin upi_pin atm_pin user_pin",
    "CREDIT_CARD": """
        card_number cardnumber card_no credit_card credit_card_number creditcard cc_number ccnumber ccnum
        cc_num debit_card debit_card_number card_pan primary_account_number numero_carte kartennummer
    """,
    "CARD_EXPIRY": "card_expiry card_exp exp_date expiry_date card_expiration cc_exp",
    "EMAIL": """
        email e_mail mail email_address e_mail_address mail_address emails emailaddress mailto courriel
        correo email_addr recipient_email reply_to
    """,
    "PHONE": """
        phone phone_number phonenumber telephone telephone_number mobile mobile_number mobile_phone
        cellphone cell_phone msisdn fax fax_number phones tel telefon telefono telefone contact_number
        whatsapp phone_no mobile_no home_phone work_phone celular handynummer
    """,
    "US_SSN": """
        ssn social_security_number social_security us_ssn social_security_no ssn_last4 last4_ssn
    """,
    "IN_AADHAAR": "aadhaar aadhar aadhaar_number aadhar_number aadhaar_no uidai",
    "IN_PAN": "pan_number pan_card pan_no permanent_account_number",
    "SG_NRIC": "nric nric_number fin_number nric_no nric_fin",
    "CN_RESIDENT_ID": "resident_id id_card id_card_number idcard id_card_no shenfenzheng sfz",
    "BR_CPF": "cpf cpf_number numero_cpf cpf_cnpj",
    "IBAN": "iban iban_number",
    "BANK_ACCOUNT": """
        bank_account bank_account_number account_number account_no acct_number routing_number sort_code
        bank_account_no accountnumber kontonummer bic_swift
    """,
    "PASSPORT": "passport passport_number passport_no passport_id",
    "DRIVER_LICENSE": """
        driver_license driver_license_number drivers_license drivers_license_number driving_licence
        driving_license driving_licence_number driver_licence
    """,
    "NATIONAL_ID": """
        national_id national_id_number nationalid government_id tax_id tax_number tin vat_id
        tax_identification_number my_number mynumber nhs_number medical_record_number mrn medicare_number
        personnummer codice_fiscale dni nie nif bsn pesel steuer_id cnpj medicare_id health_id
        insurance_number social_insurance_number national_insurance_number nino
    """,
    "NAME": """
        first_name firstname last_name lastname full_name fullname given_name givenname family_name
        familyname middle_name surname maiden_name nickname nick_name fname lname forename birth_name
        legal_name user_name username real_name person_name customer_name patient_name employee_name
        cardholder cardholder_name card_holder card_holder_name account_holder account_holder_name
        holder_name recipient_name sender_name contact_name guest_name passenger_name member_name
        student_name author_name display_name beneficiary_name payee_name payer_name billing_name
        shipping_name owner_full_name nom_complet prenom vorname nachname nombre_completo apellido sobrenome
        login_name preferred_username screen_name mother_maiden_name name_on_card
    """,
    "ADDRESS": """
        street_address home_address billing_address shipping_address postal_address mailing_address
        delivery_address address_line address_line1 address_line2 address_line_1 address_line_2 address1
        address2 street street_name street_line street1 street2 residential_address customer_address
        user_address postal_code postalcode zip_code zipcode postcode zip full_address work_address
        house_number adresse direccion endereco addr1 addr2 address_street
    """,
    "BIRTH_DATE": """
        birth_date birthdate date_of_birth dob birthday birth_day born_on dateofbirth geburtsdatum
        birth_year year_of_birth data_nascimento fecha_nacimiento place_of_birth birthplace
    """,
    "REDACTED": "input_value",
    "GEO": "latitude longitude geo_lat geo_lon lat_lng latlng geo_location gps gps_coordinates",
}
# Whole keys only: as a suffix these words mean something else.
EXACT: dict[str, str] = {
    "PASSWORD": "pass pw",
    "CREDENTIALS": "auth",
    "PIN": "pin",
    "ADDRESS": "address addresses",
    "IN_PAN": "pan",
    "SG_NRIC": "fin ic",
    "API_KEY": "x_auth_key key_secret",
    "SECRET": "sig x_amz_signature x_goog_signature",
    "NAME": "login holder recipient payee beneficiary passenger",
    "GEO": "lat lng lon",
}
# A last word that ends like this is a secret however it is glued together: dbpassword, csrftoken, awssecret.
STEMS: tuple[tuple[str, str], ...] = (
    ("password", "PASSWORD"), ("passwd", "PASSWORD"), ("passphrase", "PASSWORD"), ("apikey", "API_KEY"),
    ("secretkey", "SECRET"), ("privatekey", "SECRET"), ("secret", "SECRET"), ("token", "TOKEN"),
    ("sessionid", "SESSION"), ("authorization", "CREDENTIALS"), ("cookie", "COOKIE"),
    ("phonenumber", "PHONE"), ("cardnumber", "CREDIT_CARD"), ("emailaddress", "EMAIL"),
)  # fmt: skip
# Subtrees that are about a person as a whole.
PREFIXES: dict[str, str] = {"enduser": "USER", "http_cookie": "COOKIE", "http_request_cookie": "COOKIE"}
# What people say to language models and hear from them, by the conventions of OpenTelemetry (the deprecated
# attributes and event bodies too), of OpenLLMetry and of OpenInference, and what frameworks add: whole keys …
GEN_AI = words_in(
    """
    gen_ai_input_messages gen_ai_output_messages gen_ai_system_instructions gen_ai_tool_call_arguments
    gen_ai_tool_call_result gen_ai_tool_definitions gen_ai_prompt gen_ai_completion gen_ai_event_content
    gen_ai_evaluation_explanation gen_ai_retrieval_query_text gen_ai_retrieval_documents gen_ai_system_message
    gen_ai_user_message gen_ai_assistant_message gen_ai_tool_message gen_ai_choice gen_ai_reasoning
    gen_ai_content_prompt gen_ai_content_completion gen_ai_task_input gen_ai_task_output
    llm_prompts llm_completions llm_input_messages llm_output_messages llm_choices llm_tools llm_function_call
    llm_invocation_parameters llm_prompt_template_template llm_prompt_template_variables llm_request_functions
    embedding_embeddings retrieval_documents reranker_query reranker_input_documents reranker_output_documents
    pydantic_ai_all_messages all_messages_events final_result model_request_parameters
    pydantic_ai_tool_deferral_metadata tool_arguments tool_response
    traceloop_entity_input traceloop_entity_output mcp_tool_arguments mcp_tool_result
    gcp_vertex_agent_llm_request gcp_vertex_agent_llm_response gcp_vertex_agent_tool_call_args
    gcp_vertex_agent_tool_response gcp_vertex_agent_data langfuse_observation_input
    langfuse_observation_output langfuse_trace_input langfuse_trace_output
    mlflow_span_inputs mlflow_span_outputs
    """
)
# … what they begin with when the parts of a message have attributes of their own …
GEN_AI_PARTS = (
    "gen_ai_prompt_", "gen_ai_completion_", "gen_ai_input_messages_", "gen_ai_output_messages_",
    "gen_ai_system_instructions_", "gen_ai_tool_definitions_", "gen_ai_tool_call_arguments_",
    "gen_ai_tool_call_result_", "llm_prompts_", "llm_completions_", "llm_input_messages_",
    "llm_output_messages_", "llm_choices_", "llm_tools_", "llm_function_call_", "llm_request_functions_",
    "llm_prompt_template_variables_", "embedding_embeddings_", "retrieval_documents_",
    "reranker_input_documents_", "reranker_output_documents_",
    "langfuse_observation_input_", "langfuse_observation_output_", "langfuse_observation_metadata",
    "langfuse_trace_input_", "langfuse_trace_output_", "langfuse_trace_metadata",
)  # fmt: skip
# … and keys that anybody may use: content only where one of these stands beside them.
GEN_AI_BESIDE = words_in(
    """
    metadata request_data response_data input_value output_value tool_parameters input output prompt
    completion
    """
)
GEN_AI_NEIGHBOURS = (
    "gen_ai.", "llm.", "openinference.", "traceloop.", "langfuse.", "mlflow.span", "pydantic_ai.",
    "gcp.vertex.agent.",
)  # fmt: skip
# Of an event that is about what was said, all is content but the names of the conventions and these.
GEN_AI_TOLD = frozenset({"index", "finish_reason", "role", "id", "event.name"})
# Look like a rule and are none.
EXEMPT = words_in(
    """
    page_token next_token next_page_token continuation_token pagination_token sync_token cancellation_token
    cookie_count token_type fence_token fencing_token end_token start_token eos_token bos_token pad_token
    stop_token host_name service_name code_function_name display_name_template database_name
    gen_ai_prompt_name
    gen_ai_token_type db_session aws_session db_user_name feature_flag_set_id server_address client_address
    peer_address network_peer_address network_local_address local_address source_address destination_address
    socket_address bind_address mac_address ip_address host_ip listen_address net_sock_peer_addr
    remote_address sec_ch_ua_mobile is_mobile per_token time_per_output_token time_to_first_token
    """
)
URLS = words_in(
    "url uri href referer referrer location target callback redirect link webhook path query endpoint origin"
)
SQL = words_in("db_query_text db_statement sql sql_query db_query sql_text sql_statement statement")

# A name under these keys is a person's when what it stands in is one of these (or many of them) …
NAMES = words_in("name names nombre nome nom naam navn namn")
PERSONS = words_in(
    """
    customer user shipping billing recipient holder contact patient employee guest passenger payer payee
    sender beneficiary author person people cardholder policyholder accountholder
    subscriber buyer shopper traveler traveller student teacher applicant candidate resident visitor
    participant attendee invitee spouse consignee debtor creditor remitter insured claimant borrower
    guarantor lodger voter citizen donor doctor physician nurse kunde kundin cliente usuario utilisateur
    paciente titular bewohner mitarbeiter fahrgast empfaenger destinataire destinatario
    """
)
# … also under what programs add to such a word …
MODEL_WORDS = words_in(
    """
    create update in out schema model dto request form read base record row entity input output data info
    details detail object payload view response profile
    """
)
# … or when a key of one of these types stands beside it …
PERSONAL_MARKERS = words_in(
    """
    EMAIL PHONE ADDRESS PASSWORD CREDIT_CARD CVV CARD_EXPIRY IBAN BANK_ACCOUNT BIRTH_DATE US_SSN IN_AADHAAR
    IN_PAN SG_NRIC CN_RESIDENT_ID BR_CPF PASSPORT DRIVER_LICENSE NATIONAL_ID NAME
    """
)
# … but for keys that say it of something else, …
NO_SIBLINGS = words_in("display_name screen_name login_name reply_to mail zip")
QUALIFIERS = words_in("author maintainer support admin service company sales noreply bot smtp db")
# … and but for the names of loggers in log records.
LOG_KEYS = words_in("level levelname log_level loglevel severity levelno lvl logger")
