//! The MCP tools: one for each pipeline type, and one that reports on an execution.

use std::sync::Arc;

use handlers::contract;
use rmcp::model::{JsonObject, MetaObject, Tool, ToolAnnotations};
use serde_json::{Map, Value, json};

use super::{
    arguments::{ENVIRONMENT_PATTERN, TENANT_PATTERN},
    config::{Config, Pipeline, Tenant},
    execution::Status,
};

/// The tool that reports on an execution.
pub const STATUS_TOOL: &str = "get_pipeline_status";
/// Every status that an answer can have: `starting` is only in the history of the caller.
const STATUSES: [Status; 6] =
    [Status::AwaitingApproval, Status::Running, Status::Succeeded, Status::Failed, Status::Cancelled, Status::Unknown];

/// The pipeline type that a tool starts.
pub fn pipeline_type(tool: &str) -> Option<&str> {
    tool.strip_prefix("execute_")?.strip_suffix("_pipeline").filter(|name| !name.is_empty())
}

/// All tools, in order of their names.
pub fn all(config: &Config) -> Vec<Tool> {
    config.iter().map(execute).chain(std::iter::once(status())).collect()
}

fn execute(pipeline: &Pipeline) -> Tool {
    let mut properties = Map::new();
    let mut required = vec![json!("environment")];
    properties.insert(
        "environment".to_owned(),
        json!({ "type": "string", "description": "The environment to run for, for example dev.", "pattern": ENVIRONMENT_PATTERN }),
    );
    if pipeline.tenant != Tenant::None {
        properties.insert(
            "tenant_id".to_owned(),
            json!({ "type": "string", "description": "The tenant to run for, in lower case.", "pattern": TENANT_PATTERN }),
        );
    }
    if pipeline.tenant == Tenant::Required {
        required.push(json!("tenant_id"));
    }
    for (name, parameter) in &pipeline.parameters {
        properties.insert(name.clone(), parameter.schema());
        if parameter.required {
            required.push(json!(name));
        }
    }
    let input =
        json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
    let name = format!("execute_{}_pipeline", pipeline.name);
    let mut meta = JsonObject::new();
    meta.insert(contract::PIPELINE_TYPE.to_owned(), json!(pipeline.name));
    let description =
        format!("{} Starts the pipeline and answers at once with its execution id.", pipeline.description);
    Tool::new(name, description, object(input))
        .with_raw_output_schema(output())
        // Destructive, because a pipeline is another team's program: what it replaces or removes cannot be known here. Not
        // idempotent, because every call starts another pipeline.
        .with_annotations(ToolAnnotations::new().read_only(false).destructive(true).idempotent(false).open_world(true))
        .with_meta(MetaObject(meta))
}

fn status() -> Tool {
    let input = json!({
        "type": "object",
        "properties": { "execution_id": {
            "type": "string",
            "description": "The id that an execute tool returned.",
            "pattern": "^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-7[0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}$",
        } },
        "required": ["execution_id"],
        "additionalProperties": false,
    });
    Tool::new(STATUS_TOOL, "Reports how far the pipeline of an execution is, and which job failed.", object(input))
        .with_raw_output_schema(output())
        .with_annotations(ToolAnnotations::new().read_only(true).destructive(false).idempotent(true).open_world(true))
}

fn output() -> Arc<JsonObject> {
    let text = |description: &str| json!({ "type": "string", "description": description });
    object(json!({
        "type": "object",
        "properties": {
            "execution_id": text("Id of the execution."),
            "pipeline_type": text("Type of the pipeline, where it is known."),
            "environment": text("The environment it runs for, where it is known."),
            "tenant_id": text("The tenant it runs for."),
            "status": {
                "type": "string",
                "enum": STATUSES.map(Status::as_str),
                "description": "How far the execution is.",
            },
            "finished_at": {
                "type": "string",
                "format": "date-time",
                "description": "When the pipeline finished (ISO 8601), where it has and GitLab says so.",
            },
            "web_url": text("The pipeline's page in GitLab."),
            "details": {
                "type": "object",
                "description": "Where the pipeline is in GitLab.",
                "properties": {
                    "project": text("The GitLab project."),
                    "pipeline_id": { "type": "integer", "description": "GitLab's id of the pipeline." },
                    "gitlab_status": text("GitLab's own word for the state."),
                    "pipeline_type": text("Type of the pipeline."),
                    "environment": text("The environment it runs for."),
                    "tenant_id": text("The tenant it runs for."),
                },
                "required": ["project", "pipeline_id", "gitlab_status"],
            },
            "found": { "type": "boolean", "description": "false when no pipeline carries the execution id." },
            "message": text("A sentence for a person."),
        },
        "required": ["execution_id", "status", "message"],
    }))
}

fn object(value: Value) -> Arc<JsonObject> {
    match value {
        Value::Object(object) => Arc::new(object),
        _ => Arc::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipelines::{execution::status_of, testing::CONFIG};

    #[test]
    fn the_shipped_file_gives_four_tools() {
        let tools = all(&Config::parse(CONFIG).unwrap());
        let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_ref()).collect();
        assert_eq!(
            names,
            ["execute_app_pipeline", "execute_bootstrap_pipeline", "execute_compute_pipeline", "get_pipeline_status"]
        );
        assert!(
            tools.iter().all(|tool| tool.input_schema["additionalProperties"] == false && tool.output_schema.is_some())
        );
    }

    #[test]
    fn the_schema_says_what_the_file_says() {
        let tools = all(&Config::parse(CONFIG).unwrap());
        let compute = tools.iter().find(|tool| tool.name == "execute_compute_pipeline").unwrap();
        assert_eq!(compute.input_schema["required"], json!(["environment", "tenant_id"]));
        let count = &compute.input_schema["properties"]["instance_count"];
        assert_eq!((&count["type"], &count["minimum"], &count["maximum"]), (&json!("integer"), &json!(1), &json!(20)));
        assert_eq!(compute.meta.as_ref().unwrap().0[contract::PIPELINE_TYPE], "compute");
        let annotations = compute.annotations.as_ref().unwrap();
        assert_eq!((annotations.read_only_hint, annotations.destructive_hint), (Some(false), Some(true)));
        let status = tools.last().unwrap().annotations.as_ref().unwrap();
        assert_eq!(status.read_only_hint, Some(true));
    }

    #[test]
    fn the_output_schema_names_every_field_of_an_answer() {
        let tools = all(&Config::parse(CONFIG).unwrap());
        let properties = tools[0].output_schema.as_ref().unwrap()["properties"].clone();
        assert_eq!(properties["finished_at"]["format"], "date-time");
        for gitlab in ["success", "failed", "skipped", "manual", "running", "levitating"] {
            let words = properties["status"]["enum"].as_array().unwrap();
            assert!(words.contains(&json!(status_of(gitlab))), "{gitlab}");
        }
    }

    #[test]
    fn a_tool_name_names_its_pipeline_type() {
        assert_eq!(pipeline_type("execute_app_pipeline"), Some("app"));
        for other in ["execute__pipeline", "execute_pipeline", STATUS_TOOL, "execute_app"] {
            assert_eq!(pipeline_type(other), None, "{other}");
        }
    }
}
