//! A specialist added by two pieces of YAML (`tests/fixtures`), without a line of Rust or TypeScript.

use crate::support::{ask, calls, execution_id, gitlab, run, unique};

#[test]
fn a_new_specialist_does_its_work() {
    run(async {
        let _usual = gitlab::as_usual().await;
        let tenant = unique("wayne");
        let answer = ask(&format!("Create a mysql database with 50 GB storage for tenant {tenant} in dev")).await;
        assert_eq!(
            calls(&answer),
            ["orchestrator/query_deployments", "orchestrator/invoke_agent", "database/execute_database_pipeline"],
            "{}",
            answer.reply
        );
        let id = execution_id(&answer.reply);
        let pipelines = gitlab::pipelines("platform/databases", &[("TENANT_ID", &tenant)]).await;
        assert_eq!(pipelines.len(), 1);
        // Its type says `pass_as: inputs`.
        assert!(pipelines[0].by_inputs);
        let passed = &pipelines[0].passed;
        assert_eq!((&*passed["ENGINE"], &*passed["STORAGE_GB"]), ("mysql", "50"));
        assert_eq!(passed["EXECUTION_ID"], id);
    });
}
