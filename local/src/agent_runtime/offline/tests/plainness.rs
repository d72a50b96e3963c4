//! What must not start anything: told, forbidden, conditional, later, half understood.

use super::{
    Expected::{Asks, Calls, Quiet},
    *,
};

/// Sentences that hold a whole wish and are none.
const NO_WISHES: &[&str] = &[
    // Told, reported, supposed.
    "bootstrap dev failed yesterday",
    "bootstrap dev failed",
    "bootstrap dev is broken",
    "bootstrap dev succeeded",
    "bootstrap in dev: done",
    "bootstrap dev costs too much",
    "bootstrap dev annoys everybody",
    "bootstrap dev makes no sense",
    "Deploying bootstrap in dev costs too much",
    "Deploying bootstrap in dev takes an hour",
    "Deploying bootstrap in dev",
    "We deploy bootstrap in dev every Friday",
    "We deploy bootstrap in dev",
    "I deploy bootstrap in dev",
    "I will deploy bootstrap in dev",
    "I would deploy bootstrap in dev",
    "I was told to deploy bootstrap in dev",
    "They deploy bootstrap in dev",
    "You deploy bootstrap in dev",
    "Ann deploys bootstrap in dev",
    "Ann deploys billing 2.3.1 for acme in dev",
    "Bob wants to deploy bootstrap in dev",
    "Bob wants three servers for acme in dev",
    "Bob would like the network in dev",
    "Ann said she will deploy bootstrap in dev",
    "Ann wrote: deploy bootstrap in dev",
    "My boss hates to deploy bootstrap in dev",
    "I am afraid to deploy bootstrap in dev",
    "I wanted to deploy bootstrap in dev",
    "I tried to deploy bootstrap in dev",
    "we have three servers for acme in dev",
    "acme already has three t3.large in dev",
    "Deploy bootstrap in dev was a mistake",
    "the app billing should have been deployed in version 3.1.4 for tenant globex to test",
    "Nobody said the app billing should be deployed in version 3.1.4 for globex to test",
    "It is a bad idea to deploy bootstrap in dev",
    "It is time to deploy bootstrap in dev",
    "To deploy bootstrap in dev you need approval",
    "we need approval to deploy bootstrap in dev",
    "give up deploying bootstrap in dev",
    "I want Bob to deploy bootstrap in dev",
    "let Bob deploy bootstrap in dev",
    "get Bob to deploy bootstrap in dev",
    "We need to talk about deploying bootstrap in dev",
    // Forbidden.
    "I forbid you to deploy bootstrap in dev",
    "Nobody should deploy bootstrap in dev",
    "Prevent anyone to deploy bootstrap in dev",
    "Prevent network in dev",
    "Prevent 2.3.1 for globex on staging",
    "Skip version 2.3.1 for globex on staging",
    "Forbidden: network in dev",
    "Avoid to deploy bootstrap in dev",
    "Under no circumstances deploy bootstrap in dev",
    "Hardly deploy bootstrap in dev",
    "I refuse to deploy bootstrap in dev",
    "Deploy bootstrap in dev? No way",
    "Deploy bootstrap in dev. Just kidding.",
    "Deploy bootstrap in dev or not",
    "Stop me from deploying bootstrap in dev",
    "no network in dev",
    "missing network in dev",
    "hate 2.3.1 for acme in dev",
    "block 2.3.1 for acme in dev",
    "deploy bootstrap in dev for nobody",
    "give away three servers for acme in dev",
    "take three servers for acme in dev offline",
    "thanks for the three servers for acme in dev",
    "those three servers for acme in dev",
    "there, three servers for acme in dev",
    "bootstrap in dev by Ann",
    // Asked.
    "what is in prod? deploy bootstrap",
    "is prod free? then launch three servers for acme",
    "deploy bootstrap in dev, right?",
    "Deploy bootstrap in dev?",
    "Can I deploy bootstrap in dev?",
    "can we deploy billing 2.3.1 for acme in prod?",
    "Shall we deploy bootstrap in dev?",
    // Conditional, later, again and again.
    "Unless Ann objects, deploy bootstrap in dev",
    "If the old one is deleted then deploy bootstrap in dev",
    "Deploy bootstrap in dev if staging is green",
    "Deploy bootstrap in dev only if staging is green",
    "Deploy billing 2.3.1 for globex on staging unless 2.3.0 is running",
    "Deploy bootstrap in dev. But only if staging is green.",
    "Should staging be green, deploy bootstrap in dev",
    "in case staging is green deploy bootstrap in dev",
    "When Ann is back, deploy bootstrap in dev",
    "Once staging is green deploy bootstrap in dev",
    "Deploy bootstrap in dev as soon as Ann agrees",
    "Deploy bootstrap in dev after the review",
    "Deploy bootstrap in dev before Friday",
    "Wait until Friday and deploy bootstrap in dev",
    "Deploy bootstrap in dev tomorrow",
    "Tomorrow deploy bootstrap in dev",
    "Deploy bootstrap in dev later",
    "Deploy bootstrap in dev tonight",
    "Deploy bootstrap in dev next week",
    "Deploy bootstrap in dev on Monday",
    "Deploy bootstrap in dev at 5pm",
    "Deploy bootstrap in dev at 5 pm",
    "Deploy bootstrap in dev at 17:00",
    "Deploy bootstrap in dev in ten minutes",
    "Deploy bootstrap in dev in an hour",
    "Deploy bootstrap in dev every night",
    "Deploy bootstrap in dev on 2031-01-02",
    "three servers for acme in dev when the budget is there",
    "three servers for acme in dev tomorrow",
    // Not really.
    "Deploy bootstrap in dev, dry run only",
    "dry run: deploy bootstrap in dev",
    "do a dry run of bootstrap in dev",
    "simulate bootstrap in dev",
    "Pretend to deploy bootstrap in dev",
    "Review the plan to deploy bootstrap in dev",
    "Plan to deploy bootstrap in dev",
    "plan the network in dev",
    "maybe deploy bootstrap in dev",
    // Half understood: the rest must not be dropped.
    "three t3.large for tenant acme in dev and globex",
    "launch a server with 50 GB for acme in dev",
    "launch two servers for acme in dev with ubuntu",
    "create the network and a database in dev",
    "I need a bigger server for acme in dev",
    "I need a quote for three servers for acme in dev",
    "make a list of three servers for acme in dev",
    "launch 3 servers for acme in dev, 2 for globex in dev",
    "three t3.large for acme in dev for globex",
    "launch servers for acme in dev, 3 times",
    "launch two servers for acme and deploy foo in dev",
];

#[test]
fn what_is_no_plain_wish_starts_nothing() {
    let rows: Vec<(&str, Expected)> = NO_WISHES.iter().map(|sentence| (*sentence, Quiet)).collect();
    check(&REPOSITORY, "orchestrator", &rows);
    check(&EXTENDED, "orchestrator", &rows);
}

#[test]
fn a_specialist_starts_no_half_wish_either() {
    for (agent, sentence) in [
        ("bootstrap", "bootstrap dev failed yesterday"),
        ("bootstrap", "Deploy bootstrap in dev tomorrow"),
        ("bootstrap", "Bob wants to deploy bootstrap in dev"),
        ("compute", "provision zero servers for acme in dev"),
        ("compute", "provision three t3.large for acme in dev and globex"),
        ("app", "deploy billing 2.3.1 for acme in dev if staging is green"),
    ] {
        check(&REPOSITORY, agent, &[(sentence, Quiet)]);
    }
}

const NETWORK_IN_DEV: Expected = Calls(&[
    "query_deployments environment=dev pipeline_type=bootstrap",
    "bootstrap.execute_bootstrap_pipeline environment=dev",
]);

#[test]
fn a_plain_wish_has_many_forms() {
    check(
        &REPOSITORY,
        "orchestrator",
        &[
            ("Please deploy bootstrap in dev", NETWORK_IN_DEV),
            ("Could you please deploy bootstrap in dev for me?", NETWORK_IN_DEV),
            ("can you bootstrap dev", NETWORK_IN_DEV),
            ("I want to deploy bootstrap in dev now", NETWORK_IN_DEV),
            ("I'd like you to create the network in dev", NETWORK_IN_DEV),
            ("I would like to have the network in dev, please", NETWORK_IN_DEV),
            ("I want the network to be created in dev", NETWORK_IN_DEV),
            ("I need the network created in dev", NETWORK_IN_DEV),
            ("we need the network in dev asap", NETWORK_IN_DEV),
            ("The network should be created in dev", NETWORK_IN_DEV),
            ("Great, now deploy bootstrap in dev", NETWORK_IN_DEV),
            ("In dev, create the network", NETWORK_IN_DEV),
            ("Create the network in dev as soon as possible", NETWORK_IN_DEV),
            ("Create the network in dev and let me know when it is done", NETWORK_IN_DEV),
            ("Good morning! Please create the network in dev.", NETWORK_IN_DEV),
            ("Start the bootstrap pipeline in dev", NETWORK_IN_DEV),
            ("help me deploy bootstrap in dev", NETWORK_IN_DEV),
            ("create the network only in dev", NETWORK_IN_DEV),
            ("create the network for acme in dev", NETWORK_IN_DEV),
            ("kick off bootstrap in dev", NETWORK_IN_DEV),
            ("get the network in dev up and running", NETWORK_IN_DEV),
            ("Hello there, please deploy bootstrap in dev. Thank you very much!", NETWORK_IN_DEV),
            ("Good morning, deploy bootstrap in dev", NETWORK_IN_DEV),
            (
                "deploy app=billing version=2.3.1 tenant=globex env=staging",
                Calls(&[
                    "query_deployments environment=staging pipeline_type=app tenant_id=globex",
                    "app.execute_app_pipeline app_name=billing app_version=2.3.1 environment=staging tenant_id=globex",
                ]),
            ),
            (
                "create the network in dev and three servers for acme",
                Calls(&[
                    "query_deployments environment=dev pipeline_type=bootstrap",
                    "bootstrap.execute_bootstrap_pipeline environment=dev",
                    "query_deployments environment=dev pipeline_type=compute tenant_id=acme",
                    "compute.execute_compute_pipeline environment=dev instance_count=3 tenant_id=acme",
                ]),
            ),
            (
                "can you bring up 2 servers for acme in staging",
                Calls(&[
                    "query_deployments environment=staging pipeline_type=compute tenant_id=acme",
                    "compute.execute_compute_pipeline environment=staging instance_count=2 tenant_id=acme",
                ]),
            ),
            (
                "I would like to have the network in test, please",
                Calls(&[
                    "query_deployments environment=test pipeline_type=bootstrap",
                    "bootstrap.execute_bootstrap_pipeline environment=test",
                ]),
            ),
            (
                "I want billing 2.3.1 deployed for globex on staging",
                Calls(&[
                    "query_deployments environment=staging pipeline_type=app tenant_id=globex",
                    "app.execute_app_pipeline app_name=billing app_version=2.3.1 environment=staging tenant_id=globex",
                ]),
            ),
            (
                "upgrade billing from 2.3.0 to 2.3.1 for globex on staging",
                Calls(&[
                    "query_deployments environment=staging pipeline_type=app tenant_id=globex",
                    "app.execute_app_pipeline app_name=billing app_version=2.3.1 environment=staging tenant_id=globex",
                ]),
            ),
        ],
    );
}

#[test]
fn a_count_is_one_whole_number_or_is_asked_for() {
    const COUNT: Expected = Asks("instance count");
    check(
        &REPOSITORY,
        "orchestrator",
        &[
            ("launch zero servers for acme in dev", COUNT),
            ("launch 0 servers for acme in dev", COUNT),
            ("launch no servers for acme in dev", COUNT),
            ("launch 2.5 servers for acme in dev", COUNT),
            ("launch 1,000 servers for acme in dev", COUNT),
            ("launch three or four servers for acme in dev", COUNT),
            ("launch 3-4 servers for acme in dev", COUNT),
            ("launch 2 to 4 servers for acme in dev", COUNT),
            ("launch between 2 and 4 servers for acme in dev", Quiet),
            ("launch minus three servers for acme in dev", COUNT),
            ("launch -3 servers for acme in dev", COUNT),
            ("launch about ten servers for acme in dev", COUNT),
            ("launch at least 3 servers for acme in dev", COUNT),
            ("launch up to 5 servers for acme in dev", COUNT),
            ("launch several servers for acme in dev", COUNT),
            ("launch a few servers for acme in dev", COUNT),
            ("launch half a dozen servers for acme in dev", Quiet),
            ("launch three and a half servers for acme in dev", COUNT),
            ("launch not 3 but 4 servers for acme in dev", Quiet),
            ("3 servers and 4 instances for acme in dev", COUNT),
            ("compute for tenant: acme, environment: dev, instance_count: 2.5", COUNT),
            ("compute for tenant: acme, environment: dev, instance_count: three or four", COUNT),
            ("three t3.large and two m5.xlarge for acme in dev", Quiet),
            (
                "launch three hundred servers for acme in dev",
                Calls(&[
                    "query_deployments environment=dev pipeline_type=compute tenant_id=acme",
                    "compute.execute_compute_pipeline environment=dev instance_count=300 tenant_id=acme",
                ]),
            ),
            (
                "launch one hundred and twenty t3.large for acme in dev",
                Calls(&[
                    "query_deployments environment=dev pipeline_type=compute tenant_id=acme",
                    "compute.execute_compute_pipeline environment=dev instance_count=120 instance_type=t3.large tenant_id=acme",
                ]),
            ),
            (
                "two dozen servers for acme in dev",
                Calls(&[
                    "query_deployments environment=dev pipeline_type=compute tenant_id=acme",
                    "compute.execute_compute_pipeline environment=dev instance_count=24 tenant_id=acme",
                ]),
            ),
            (
                "compute for tenant: acme, environment: dev, instance_count: twenty five",
                Calls(&[
                    "query_deployments environment=dev pipeline_type=compute tenant_id=acme",
                    "compute.execute_compute_pipeline environment=dev instance_count=25 tenant_id=acme",
                ]),
            ),
        ],
    );
}

/// The calls that start something after these messages.
fn started(messages: &[&str]) -> (Vec<String>, String) {
    let (mut history, mut calls, mut said) = (Vec::new(), Vec::new(), String::new());
    for message in messages {
        (calls, said) = turn(&REPOSITORY, "orchestrator", &mut history, message, willing);
    }
    (calls.iter().map(|call| describe(&REPOSITORY, call)).filter(|call| call.contains("execute_")).collect(), said)
}

#[test]
fn an_answer_that_is_no_plain_value_starts_nothing() {
    for (wish, answers) in [
        (
            "deploy bootstrap",
            &[
                "not prod",
                "anything but prod",
                "I did not say prod",
                "hmm, Ann wants dev but I am not sure",
                "everything except prod",
                "dev?",
                "maybe dev",
                "I think dev",
                "dev if staging is green",
                "dev tomorrow",
                "dev is broken",
                "dev or test",
                "neither dev nor prod",
                "Bob uses dev",
                "dev failed",
                "never dev",
                "without dev",
                "whatever, not dev",
                "why dev",
                "dev, I guess not",
                "no dev",
                "prod? no",
                "prod!!! never",
                "Ann: prod",
                "stop prod",
                "use anything else than prod",
                "environment: prod if green",
            ][..],
        ),
        (
            "launch three servers in dev",
            &[
                "not acme",
                "anybody but acme",
                "for acme if they pay",
                "acme tomorrow",
                "acme?",
                "nobody",
                "whoever",
                "wait",
                "none",
                "Ann asked for globex",
            ],
        ),
        (
            "launch three or four servers for acme in dev",
            &["not three", "zero", "2.5", "three or four", "about three", "3?"],
        ),
        ("deploy something in dev for acme", &["not compute", "anything but compute", "compute tomorrow", "compute?"]),
        (
            "roll out billing for globex on staging",
            &["not 2.3.1", "anything but 2.3.1", "2.3.1 if it works", "2.3.1 or 2.3.2"],
        ),
    ] {
        for answer in answers {
            let (calls, said) = started(&[wish, answer]);
            assert!(calls.is_empty(), "{wish} / {answer}: {calls:?} {said}");
        }
    }
}

#[test]
fn a_question_stays_open_after_an_answer_that_is_none() {
    for (messages, expected) in [
        (&["deploy bootstrap", "not prod", "dev"][..], "bootstrap.execute_bootstrap_pipeline environment=dev"),
        (
            &["deploy bootstrap", "hmm, Ann wants dev but I am not sure", "test"],
            "bootstrap.execute_bootstrap_pipeline environment=test",
        ),
        (&["deploy bootstrap", "it is dev"], "bootstrap.execute_bootstrap_pipeline environment=dev"),
        (&["deploy bootstrap", "I mean dev"], "bootstrap.execute_bootstrap_pipeline environment=dev"),
        (&["deploy bootstrap", "let's take dev, please"], "bootstrap.execute_bootstrap_pipeline environment=dev"),
        (&["deploy bootstrap", "the environment is dev"], "bootstrap.execute_bootstrap_pipeline environment=dev"),
        (
            &["launch three or four servers for acme in dev", "not three", "4"],
            "compute.execute_compute_pipeline environment=dev instance_count=4 tenant_id=acme",
        ),
        (
            &["launch 1,000 servers for acme in dev", "twenty five"],
            "compute.execute_compute_pipeline environment=dev instance_count=25 tenant_id=acme",
        ),
        (
            &["launch no servers for acme in dev", "one"],
            "compute.execute_compute_pipeline environment=dev instance_count=1 tenant_id=acme",
        ),
    ] {
        let (calls, said) = started(messages);
        assert_eq!(calls, [expected], "{messages:?}: {said}");
    }
}

#[test]
fn a_doubt_about_the_wish_itself_ends_the_question() {
    let (calls, said) = started(&["create servers for acme in mars", "dev"]);
    assert!(calls.is_empty() && said.contains("\"mars\"") && said.contains("started nothing"), "{calls:?} {said}");
}

#[test]
fn a_variation_is_plain_too() {
    let first = "three t3.large for tenant acme in dev";
    for variation in [
        "the same in prod tomorrow",
        "the same in prod if staging is green",
        "Ann wants the same in prod",
        "not the same in prod",
        "the same in prod?",
        "the same failed in prod",
        "never the same in prod",
        "maybe the same in prod",
        "the same for globex with ubuntu",
    ] {
        let (calls, said) = started(&[first, variation]);
        assert!(calls.is_empty(), "{variation}: {calls:?} {said}");
    }
    for (variation, expected) in [
        ("the same in prod", "environment=prod instance_count=3 instance_type=t3.large tenant_id=acme"),
        (
            "can you do the same thing for globex, please",
            "environment=dev instance_count=3 instance_type=t3.large tenant_id=globex",
        ),
        (
            "the same again in test but five servers",
            "environment=test instance_count=5 instance_type=t3.large tenant_id=acme",
        ),
    ] {
        let (calls, said) = started(&[first, variation]);
        assert_eq!(calls, [format!("compute.execute_compute_pipeline {expected}")], "{variation}: {said}");
    }
    let (calls, said) = started(&["two hundred servers for acme in dev", "the same with 5 servers"]);
    assert_eq!(calls, ["compute.execute_compute_pipeline environment=dev instance_count=5 tenant_id=acme"], "{said}");
}
