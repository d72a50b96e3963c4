//! Whatever is posted to `/execute`: arguments for the service, or a sentence about the body.

use handlers::error::Result;
use proptest::prelude::*;

use super::*;
use crate::{
    fuzz::{Source, explore, readable},
    pipelines::{arguments::Arguments, config::Config},
};

/// The longest refusal, as of the arguments.
const LONGEST_REFUSAL: usize = 3000;

fn any_body(source: &mut Source) -> String {
    let parameters = json!({ "instance_count": "3", "instance_type": "t3.large", "tenant_id": "ACME" });
    let valid = [
        json!({ "pipeline_type": "bootstrap", "environment": "dev" }),
        json!({ "pipeline_type": "compute", "environment": "dev", "tenant_id": "acme", "parameters": parameters }),
    ];
    match source.below(10) {
        0 => source.json(3).to_string(),
        1 => source.text(),
        2 => source.pick(&["[", "{\"parameters\":", "{\"pipeline_type\":[", "\"\\ud800"]).repeat(source.below(20_000)),
        3 => source.like(&valid).to_string() + &source.text(),
        4 => format!(
            "{{\"pipeline_type\":\"app\",\"environment\":{}}}",
            source.pick(&["1e999", "-0", "01", "NaN", "\"\\u0000\""])
        ),
        _ => source.like(&valid).to_string(),
    }
}

#[test]
fn every_body_is_a_request_or_refused_with_a_reason() {
    let config = Config::parse(CONFIG).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let outcomes = explore(file!(), 1000, 1, any_body, |text| {
        let request = Request::post("/execute").header("content-type", "application/json").body(text.into()).unwrap();
        let read: Result<ExecuteBody> = runtime.block_on(read_json(request));
        let body = match read {
            Ok(body) => body,
            Err(error) => {
                prop_assert!(matches!(error.kind(), Kind::Invalid | Kind::TooLarge), "{}", error);
                return readable(error.message(), LONGEST_REFUSAL).map(|()| "no request");
            }
        };
        let Some(pipeline) = config.get(&body.pipeline_type) else { return Ok("no such pipeline") };
        match arguments(body, Some(pipeline)).and_then(|arguments| Arguments::check(pipeline, &arguments)) {
            Ok(_) => Ok("accepted"),
            Err(message) => readable(&message, LONGEST_REFUSAL).map(|()| "wrong arguments"),
        }
    });
    outcomes.include(&["accepted", "no request", "no such pipeline", "wrong arguments"]);
}
