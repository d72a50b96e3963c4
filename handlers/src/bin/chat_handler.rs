//! The Lambda function behind `POST /chat`.

use handlers::{chat_handler, env, runtime};

#[tokio::main(flavor = "current_thread")]
async fn main() -> runtime::Exit {
    runtime::init();
    let config = env::ChatHandler::from_env()?;
    let chat = chat_handler::Chat::new(&config, &runtime::aws_config().await)?;
    runtime::serve(chat_handler::app(chat), config.response_mode).await
}
