//! Questions about what is deployed.

use crate::support::{ask, calls, execution_id, gitlab, run, unique};

#[test]
fn history_is_told_by_environment_and_tenant() {
    run(async {
        let _usual = gitlab::as_usual().await;
        let (tenant, other) = (unique("umbrella"), unique("tyrell"));
        let nothing = ask(&format!("what is running in dev for {tenant}?")).await;
        assert_eq!(calls(&nothing), ["orchestrator/query_deployments"]);
        assert!(nothing.reply.to_lowercase().contains("no deployments"), "{}", nothing.reply);

        let id = execution_id(&ask(&format!("Provision one t3.micro for tenant {tenant} in dev")).await.reply);
        let of_other = execution_id(&ask(&format!("Provision one t3.micro for tenant {other} in test")).await.reply);
        let history = ask(&format!("what is running in dev for {tenant}?")).await.reply;
        assert!(history.contains(&id) && !history.contains(&of_other), "{history}");
        let history = ask(&format!("what has been deployed for tenant {other}?")).await.reply;
        assert!(history.contains(&of_other) && !history.contains(&id), "{history}");
    });
}
