use reqwest::header::HeaderMap;

use super::*;

fn refusal(status: u16, body: &str, is_storage: bool) -> Refusal {
    Refusal::read(status, &HeaderMap::new(), body.as_bytes(), is_storage)
}

fn rest(status: u16, code: &str) -> Class {
    classify(&refusal(status, &format!(r#"{{"code":"{code}","details":null,"hint":null,"message":"secret"}}"#), false))
}

const RETRY: Class = Class::Retry { after: None };

/// Each row of the table of errors by its name.
#[test]
fn each_row_of_the_table_has_its_class() {
    let forbidden = Class::Forbidden { hint: None };
    let read_only = Class::Retry { after: Some(READ_ONLY) };
    let rows: &[(&str, u16, &[&str], &Class)] = &[
        ("bad jwt", 401, &["PGRST300", "PGRST301"], &Class::Unauthorized),
        ("expired jwt, in 12 and in 13", 401, &["PGRST301", "PGRST303"], &Class::Unauthorized),
        ("anonymous access off", 401, &["PGRST302"], &Class::Unauthorized),
        ("role of the jwt does not exist", 401, &["22023"], &Class::Unauthorized),
        ("permission denied", 403, &["42501"], &forbidden),
        ("permission denied to anon", 401, &["42501"], &forbidden),
        ("unknown table", 404, &["PGRST205", "42P01"], &Class::SchemaMissing),
        ("unknown function", 404, &["PGRST202", "42883"], &Class::SchemaMissing),
        ("unknown column, write", 400, &["PGRST204"], &Class::SchemaMissing),
        ("unknown column, read", 400, &["42703"], &Class::SchemaMissing),
        ("no unique key for on_conflict", 400, &["42P10"], &Class::SchemaMissing),
        ("bad json or uneven keys", 400, &["PGRST102"], &Class::Bug),
        ("bad filter", 400, &["PGRST100"], &Class::Bug),
        ("foreign key", 409, &["23503"], &Class::RowRejected),
        ("unique", 409, &["23505"], &Class::RowRejected),
        ("check, not null", 400, &["23514", "23502"], &Class::RowRejected),
        ("malformed or out of range", 400, &["22P02", "22007", "22008", "22003", "22P05"], &Class::RowRejected),
        ("equal keys in a merge", 500, &["21000"], &Class::Bug),
        ("statement timeout", 500, &["57014"], &Class::RetryHalved),
        ("shutdown", 503, &["57P01", "57P02", "57P03"], &RETRY),
        ("serialization, deadlock", 500, &["40001", "40P01"], &RETRY),
        ("read-only database", 405, &["25006"], &read_only),
        ("schema cache not loaded", 503, &["PGRST002"], &RETRY),
        ("database out of reach", 503, &["PGRST000", "PGRST001", "08000", "08006", "08P01"], &RETRY),
        ("pool timeout", 504, &["PGRST003"], &RETRY),
        ("out of connections, memory, disk", 503, &["53300", "53200", "53100"], &RETRY),
        ("unknown code, client error", 400, &["P0001", "XX999", "PGRST999"], &Class::RowRejected),
        ("unknown code, server error", 500, &["P0001", "XX000", "PGRSTX00"], &RETRY),
    ];
    for (name, status, codes, class) in rows {
        for code in *codes {
            assert_eq!(&rest(*status, code), *class, "{name}: {status} {code}");
        }
    }
}

/// Gateways have no code: what counts is the status, unless it is a page.
#[test]
fn without_a_code_the_status_decides() {
    let gateway = |status| classify(&refusal(status, r#"{"message":"Invalid API key","hint":"check"}"#, false));
    assert_eq!(gateway(401), Class::Unauthorized);
    assert_eq!(gateway(403), Class::Forbidden { hint: None });
    assert_eq!(gateway(413), Class::TooLarge);
    for status in [400, 402, 404, 405, 406, 409, 415, 416, 422, 499] {
        assert_eq!(gateway(status), Class::RowRejected, "{status}");
    }
    let transient = [429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 544, 408, 599];
    for status in transient {
        assert_eq!(gateway(status), RETRY, "{status}");
    }
    for status in [300, 302, 304] {
        assert_eq!(gateway(status), RETRY, "{status}");
    }
    let page = |status| classify(&refusal(status, "<!DOCTYPE html><title>cloudflare</title>", false));
    for status in [400, 401, 403, 404, 520, 530] {
        assert_eq!(page(status), RETRY, "{status}");
    }
    assert_eq!(page(413), Class::TooLarge);
}

/// The storage answers 400 to almost everything: code first, then the status in its body, then that of HTTP.
#[test]
fn the_storage_has_its_own_shape() {
    let storage = |body: &str| classify(&refusal(400, body, true));
    assert_eq!(storage(r#"{"statusCode":"404","error":"not_found","code":"NoSuchKey"}"#), Class::NotFound);
    assert_eq!(storage(r#"{"statusCode":"404","error":"not_found"}"#), Class::NotFound);
    assert_eq!(
        storage(r#"{"statusCode":"404","error":"Bucket not found","code":"NoSuchBucket"}"#),
        Class::SchemaMissing
    );
    assert_eq!(storage(r#"{"statusCode":"409","error":"Duplicate","code":"KeyAlreadyExists"}"#), Class::AlreadyExists);
    assert_eq!(storage(r#"{"statusCode":"409","error":"Duplicate"}"#), Class::AlreadyExists);
    assert_eq!(storage(r#"{"statusCode":"403","code":"AccessDenied"}"#), Class::Forbidden { hint: None });
    assert_eq!(storage(r#"{"statusCode":"401","code":"InvalidJWT"}"#), Class::Unauthorized);
    assert_eq!(storage(r#"{"statusCode":"413","code":"EntityTooLarge"}"#), Class::TooLarge);
    assert_eq!(storage(r#"{"statusCode":"415","code":"InvalidMimeType"}"#), Class::Bug);
    assert_eq!(storage(r#"{"statusCode":"400","code":"InvalidRequest"}"#), Class::Bug);
    assert_eq!(storage(r#"{"statusCode":"429","code":"SlowDown"}"#), RETRY);
    assert_eq!(storage(r#"{"statusCode":"500","code":"InternalError"}"#), RETRY);
    assert_eq!(classify(&refusal(429, r#"{"code":"too_many_connections"}"#, true)), RETRY);
    assert_eq!(classify(&refusal(400, "{}", true)), Class::RowRejected);
}

#[test]
fn a_wait_that_the_server_asks_for_is_kept() {
    let after = |status, code: &str, seconds| {
        let retry_after = Some(Duration::from_secs(seconds));
        classify(&Refusal { status, code: Some(code.to_owned()), retry_after, ..Refusal::default() })
    };
    assert_eq!(after(503, "PGRST002", 7), Class::Retry { after: Some(Duration::from_secs(7)) });
    assert_eq!(after(429, "", 7), Class::Retry { after: Some(Duration::from_secs(7)) });
    assert_eq!(after(405, "25006", 7), Class::Retry { after: Some(READ_ONLY) });
}

#[test]
fn messages_name_the_cause_and_the_fix_and_never_show_a_body() {
    let show = |status, body: &str, is_storage| {
        let text = ApiError::refused("insert into signals", refusal(status, body, is_storage)).to_string();
        assert!(!text.contains("hunter2") && !text.contains('\n'), "{text}");
        text
    };
    insta::assert_snapshot!([
        show(401, r#"{"message":"Invalid API key hunter2","hint":"hunter2"}"#, false),
        show(401, r#"{"code":"PGRST303","message":"JWT expired hunter2"}"#, false),
        show(
            403,
            r#"{"code":"42501","message":"permission denied for table signals","hint":"Grant the required privileges to the current role with: GRANT INSERT ON public.signals TO service_role;"}"#,
            false
        ),
        show(403, r#"{"code":"42501","message":"hunter2"}"#, false),
        show(400, r#"{"code":"PGRST204","message":"Could not find the 'tag' column of 'signals' in the schema cache"}"#, false),
        show(
            409,
            r#"{"code":"23503","details":"Key (trader_id)=(hunter2)","message":"insert or update on table \"signals\" violates foreign key constraint \"signals_trader_id_fkey\""}"#,
            false
        ),
        show(500, r#"{"code":"57014","message":"hunter2"}"#, false),
        show(405, r#"{"code":"25006","message":"hunter2"}"#, false),
        show(520, "<html>hunter2", false),
        show(413, "hunter2", false),
        show(400, r#"{"code":"PGRST102","message":"hunter2"}"#, false),
        show(400, r#"{"statusCode":"404","code":"NoSuchKey","message":"hunter2"}"#, true),
    ]
    .join("\n"));
    let incomplete =
        ApiError::own("read traders", Class::Incomplete { expected: 2_500, got: 1_000 }, "1000 of 2500 rows came");
    assert_eq!(incomplete.to_string(), "cannot read traders: 1000 of 2500 rows came; it is tried again");
    assert!(incomplete.is_transient() && !incomplete.is_config_fault());
}
