//! The registry over HTTP, through its API in front of registry_api.

mod admin;
mod doors;
mod register;
