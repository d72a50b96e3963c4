use super::*;

fn http(streams: bool, json: bool, events: bool) -> HttpForm {
    HttpForm { streams, accepted: Accepted { json, events }, batch: false, begins_early: true }
}

fn response(id: u64) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": { "text": "a\nb\u{2028}" } })
}

/// Status, headers and body of an answer, however it travels.
fn read(whole: &Whole) -> (u16, Value, String) {
    let (head, body) = match &whole.prelude {
        Some(prelude) => {
            let (head, nuls) = prelude.split_at(prelude.len() - 8);
            assert_eq!(nuls, NULS);
            (serde_json::from_slice::<Value>(head).unwrap(), String::from_utf8(whole.body.to_vec()).unwrap())
        }
        None => {
            let head: Value = serde_json::from_slice(&whole.body).unwrap();
            assert_eq!(head["isBase64Encoded"], false);
            let body = head["body"].as_str().unwrap().to_owned();
            (head, body)
        }
    };
    (head["statusCode"].as_u64().unwrap().try_into().unwrap(), head["headers"].clone(), body)
}

#[test]
fn one_answer_is_json_in_both_ways_to_travel() {
    let answers = [Answer::Message(response(1))];
    for streams in [false, true] {
        let (status, headers, body) = read(&Form::Http(http(streams, true, true)).whole(&answers, &[], &[]));
        assert_eq!((status, body), (200, response(1).to_string()));
        assert_eq!(headers, json!({ "content-type": "application/json", "cache-control": "no-store" }));
    }
}

#[test]
fn what_was_said_before_the_answer_comes_before_it() {
    let said = [json!({ "jsonrpc": "2.0", "method": "notifications/message" })];
    let answers = [Answer::Message(response(1))];
    let (status, headers, body) = read(&Form::Http(http(false, true, true)).whole(&answers, &said, &[]));
    assert_eq!((status, headers["content-type"].as_str()), (200, Some("text/event-stream")));
    assert_eq!(body, format!("data: {}\n\ndata: {}\n\n", said[0], response(1)));
    // Each event is one line: nothing in a message can begin another.
    assert_eq!(body.lines().filter(|line| !line.is_empty()).count(), 2);
}

#[test]
fn a_client_gets_what_it_reads() {
    let answers = [Answer::Message(response(1))];
    for (json, events, content_type) in
        [(true, true, "application/json"), (true, false, "application/json"), (false, true, "text/event-stream")]
    {
        let (_, headers, _) = read(&Form::Http(http(false, json, events)).whole(&answers, &[], &[]));
        assert_eq!(headers["content-type"], content_type);
    }
}

#[test]
fn statuses_and_headers_of_http() {
    let refused = Answer::Refused { status: 404, message: json!({ "jsonrpc": "2.0", "id": 1, "error": {} }) };
    let opened = Answer::InSession { message: response(1), session: "s.1".to_owned() };
    for (answer, status, session, has_type) in [
        (refused, 404, None, true),
        (opened, 200, Some("s.1"), true),
        (Answer::Accepted, 202, None, false),
        (
            Answer::Message(json!({ "jsonrpc": "2.0", "id": 1, "error": { "code": -32603, "message": "" } })),
            200,
            None,
            true,
        ),
    ] {
        for streams in [false, true] {
            let whole =
                Form::Http(http(streams, true, true)).whole(std::slice::from_ref(&answer), &[], &[("allow", "POST")]);
            let (got, headers, body) = read(&whole);
            assert_eq!(
                (got, headers["mcp-session-id"].as_str(), headers["allow"].as_str()),
                (status, session, Some("POST"))
            );
            assert_eq!((headers.get("content-type").is_some(), body.is_empty()), (has_type, !has_type));
        }
    }
}

#[test]
fn a_batch_is_answered_by_an_array_of_responses() {
    let answers = [
        Answer::Message(response(1)),
        Answer::Accepted,
        Answer::Refused { status: 400, message: json!({ "jsonrpc": "2.0", "id": 2, "error": {} }) },
    ];
    let form = HttpForm { batch: true, ..http(false, true, false) };
    let (status, _, body) = read(&Form::Http(form).whole(&answers, &[], &[]));
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, body.as_array().map(Vec::len)), (200, Some(2)));
    let (status, _, body) = read(&Form::Http(form).whole(&answers[..1], &[], &[]));
    assert_eq!((status, body), (200, json!([response(1)]).to_string()));
    let (status, _, body) = read(&Form::Http(form).whole(&answers[1..2], &[], &[]));
    assert_eq!((status, body.as_str()), (202, ""));
    let invoke = Form::Invoke { batch: true };
    assert_eq!(invoke.whole(&answers[..1], &[], &[]).body, json!([response(1)]).to_string());
    assert_eq!(invoke.whole(&answers[1..2], &[], &[]).body, "{}");
}

#[test]
fn doors_without_http_answer_with_the_value_itself() {
    let opened = Answer::InSession { message: response(1), session: "s".to_owned() };
    let invoke = Form::Invoke { batch: false };
    assert_eq!(invoke.whole(&[opened], &[], &[]).body, response(1).to_string());
    assert_eq!(invoke.whole(&[Answer::Accepted], &[], &[]).body, "{}");
    let answers = [Answer::Message(response(1))];
    for form in [Form::Gateway, Form::Plain] {
        assert_eq!(form.whole(&answers, &[], &[]).body, response(1)["result"].to_string());
    }
}

#[test]
fn messages_go_where_the_client_reads_them() {
    for (form, way) in [
        (Form::Http(http(true, true, true)), Way::AtOnce),
        (Form::Http(http(false, true, true)), Way::WithAnswer),
        (Form::Http(http(true, true, false)), Way::Nowhere),
        (Form::Http(HttpForm { begins_early: false, ..http(true, true, true) }), Way::Nowhere),
        (Form::Gateway, Way::Nowhere),
        (Form::Invoke { batch: false }, Way::Nowhere),
    ] {
        assert_eq!(form.way(), way, "{form:?}");
    }
}
