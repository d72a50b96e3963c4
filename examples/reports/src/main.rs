//! The Lambda function: events of API Gateway in, answers out.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    tracing_subscriber::fmt().json().init();
    lambda_http::run(reports::router()).await
}
