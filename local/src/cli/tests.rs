//! The command line as a person types it.

use clap::{CommandFactory, Parser};

use super::Arguments;

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn a_model_needs_both_address_and_name() {
    let parse = |line: &str| Arguments::try_parse_from(line.split_whitespace()).map(drop).map_err(|error| error.kind());
    assert!(parse("switchyard local").is_ok());
    assert!(parse("switchyard local --model-url http://127.0.0.1:1/v1 --model-name m").is_ok());
    assert_eq!(
        parse("switchyard local --model-url http://127.0.0.1:1/v1"),
        Err(clap::error::ErrorKind::MissingRequiredArgument)
    );
    assert_eq!(parse("switchyard chat --url nonsense hello"), Err(clap::error::ErrorKind::ValueValidation));
    assert_eq!(parse("switchyard local --port 65534"), Err(clap::error::ErrorKind::ValueValidation));
}
