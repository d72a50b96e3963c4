//! A function that does nothing, to know what the rest of the measurement costs: this program, when Lambda's Runtime API starts
//! it.

use handlers::runtime;

/// Whether this process was started as a function.
pub fn wanted() -> bool {
    std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some()
}

/// Answers every event with itself.
///
/// # Errors
/// The Runtime API cannot be reached.
pub async fn serve() -> runtime::Exit {
    runtime::init();
    runtime::on_event("hello", |event, _| std::future::ready(Ok(event))).await
}
