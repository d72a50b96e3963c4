//! Which operations a GraphQL document has. Only as much is read as tells a query from a mutation, and whatever servers
//! might read differently is refused: characters beyond ASCII outside of strings, control characters, block strings (servers
//! from before 2018 read them as several strings), definitions of types. Source: GraphQL October 2021, section 2.

/// Longest document that is sent.
const MAX_DOCUMENT: usize = 64 * 1024;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Query,
    Mutation,
    Subscription,
}

/// An operation of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) kind: Kind,
    pub(super) name: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token<'a> {
    Name(&'a str),
    Open(u8),
    Close(u8),
    /// A string, a number or another mark: nothing that tells definitions apart.
    Other,
}

/// The operations of a document, at least one.
///
/// # Errors
/// A phrase that says what cannot be read.
pub(super) fn operations(document: &str) -> Result<Vec<Operation>, String> {
    if document.len() > MAX_DOCUMENT {
        return Err(format!("it is longer than {MAX_DOCUMENT} bytes"));
    }
    let tokens = tokens(document)?;
    let mut tokens = tokens.into_iter().peekable();
    let mut operations = Vec::new();
    while let Some(token) = tokens.next() {
        let kind = match token {
            // A selection set alone is a query.
            Token::Open(b'{') => {
                operations.push(Operation { kind: Kind::Query, name: None });
                skip_selection(&mut tokens, vec![b'{'])?;
                continue;
            }
            Token::Name("query") => Some(Kind::Query),
            Token::Name("mutation") => Some(Kind::Mutation),
            Token::Name("subscription") => Some(Kind::Subscription),
            Token::Name("fragment") => None,
            _ => return Err("it has something that is no operation and no fragment".to_owned()),
        };
        if let Some(kind) = kind {
            let name = tokens.peek().and_then(|token| if let Token::Name(name) = token { Some(*name) } else { None });
            operations.push(Operation { kind, name: name.map(str::to_owned) });
        }
        skip_selection(&mut tokens, Vec::new())?;
    }
    if operations.is_empty() { Err("it has no operation".to_owned()) } else { Ok(operations) }
}

/// Goes on to the end of the definition's selection set; `open` are the brackets that are open already.
fn skip_selection<'a>(tokens: &mut impl Iterator<Item = Token<'a>>, mut open: Vec<u8>) -> Result<(), String> {
    let mut in_selection = !open.is_empty();
    for token in tokens {
        match token {
            Token::Open(bracket) => {
                in_selection |= open.is_empty() && bracket == b'{';
                open.push(bracket);
            }
            Token::Close(bracket) => {
                if open.pop() != Some(bracket) {
                    return Err("its brackets do not match".to_owned());
                }
                if open.is_empty() && in_selection {
                    return Ok(());
                }
            }
            Token::Name(_) | Token::Other => {}
        }
    }
    Err("it ends in the middle of a definition".to_owned())
}

fn tokens(document: &str) -> Result<Vec<Token<'_>>, String> {
    let bytes = document.as_bytes();
    let at = |index: usize| bytes.get(index).copied();
    let mut tokens = Vec::new();
    let mut index = 0;
    while let Some(byte) = at(index) {
        let start = index;
        index += 1;
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => continue,
            b'#' => {
                while at(index).is_some_and(|byte| byte != b'\n' && byte != b'\r') {
                    if at(index).is_some_and(|byte| !is_plain(byte)) {
                        return Err("a comment holds characters beyond ASCII".to_owned());
                    }
                    index += 1;
                }
                continue;
            }
            b'"' => index = end_of_string(bytes, index)?,
            b'{' | b'(' | b'[' => {
                tokens.push(Token::Open(byte));
                continue;
            }
            b'}' | b')' | b']' => {
                // The bracket that it closes.
                let opened = match byte {
                    b'}' => b'{',
                    b')' => b'(',
                    _ => b'[',
                };
                tokens.push(Token::Close(opened));
                continue;
            }
            b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                while at(index).is_some_and(|byte| byte == b'_' || byte.is_ascii_alphanumeric()) {
                    index += 1;
                }
                tokens.push(Token::Name(document.get(start..index).unwrap_or_default()));
                continue;
            }
            b'0'..=b'9' | b'-' => {
                // A name must not follow a number without a gap; so it belongs to it here, and means nothing.
                while at(index).is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte)) {
                    index += 1;
                }
            }
            b'!' | b'$' | b'&' | b'.' | b':' | b'=' | b'@' | b'|' => {}
            _ => return Err("it holds a character that GraphQL does not know outside of strings".to_owned()),
        }
        tokens.push(Token::Other);
    }
    Ok(tokens)
}

/// Index behind the string whose opening quote is before `index`.
fn end_of_string(bytes: &[u8], mut index: usize) -> Result<usize, String> {
    if bytes.get(index..index + 2) == Some(b"\"\"") {
        return Err("block strings (\"\"\") are not accepted; use a variable".to_owned());
    }
    loop {
        match bytes.get(index) {
            Some(b'"') => return Ok(index + 1),
            Some(b'\\') if bytes.get(index + 1).is_some_and(|byte| byte.is_ascii_graphic()) => index += 2,
            Some(byte) if *byte >= b' ' && *byte != b'\\' && *byte != 0x7f => index += 1,
            _ => return Err("a string does not end on its line".to_owned()),
        }
    }
}

const fn is_plain(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn kinds(document: &str) -> Result<Vec<Kind>, String> {
        operations(document).map(|operations| operations.into_iter().map(|operation| operation.kind).collect())
    }

    #[test]
    fn operations_are_told_apart() {
        use Kind::{Mutation, Query, Subscription};
        for (document, expected) in [
            ("{ cities { name } }", vec![Query]),
            ("query { cities { name } }", vec![Query]),
            ("query mutation($x: I = {a: [1, {b: \"}\"}]}) @d(a: {b: 1}) { mutation(x: $x) }", vec![Query]),
            ("mutation { addCity(name: \"x\") { id } }", vec![Mutation]),
            ("# query { a }\rmutation { a }", vec![Mutation]),
            ("# mutation { a }\n{ a }", vec![Query]),
            ("{ a(b: \"} mutation { c\") }", vec![Query]),
            ("{ a(b: \"\\\\\") } mutation { c }", vec![Query, Mutation]),
            ("{ a(b: \"\\\"} mutation { c\") }", vec![Query]),
            ("fragment mutation on T { a } query { ...mutation }", vec![Query]),
            ("query A { a } mutation B { b } subscription C { c }", vec![Query, Mutation, Subscription]),
            ("query A { a },,,mutation{b}", vec![Query, Mutation]),
            ("{ a(b: 1e5, c: -2.5, d: \"ü\") @skip(if: true) { ... on T { x: y } } }", vec![Query]),
            ("{ a(b: \"\") }", vec![Query]),
        ] {
            assert_eq!(kinds(document), Ok(expected), "{document}");
        }
        let named = operations("query Cities { a } mutation { b }").unwrap();
        assert_eq!(named[0].name.as_deref(), Some("Cities"));
        assert_eq!(named[1].name, None);
    }

    #[test]
    fn what_might_be_read_differently_is_refused() {
        for document in [
            "",
            "fragment F on T { a }",
            "query",
            "{ a",
            "{ a } }",
            "{ a ) }",
            "query (a { b }",
            "type T { a: Int }",
            "extend type T { a: Int }",
            "{ a(b: \"\"\" x \"\"\") }",
            "{ a(b: \"x\nmutation { c }\") }",
            "{ a(b: \"x",
            "{ a } # x\u{2028}mutation { b }",
            "{ a }\u{a0}mutation { b }",
            "\u{feff}{ a }",
            "{ a(b: \"\\",
            "{ a } \0",
            "{ a } ; mutation { b }",
        ] {
            assert!(kinds(document).is_err(), "{document:?}");
        }
        assert!(kinds(&"{".repeat(MAX_DOCUMENT + 1)).is_err());
    }

    mod fuzz {
        use super::*;

        proptest! {
            #[test]
            fn nothing_makes_it_stumble(document in "\\PC{0,60}|[{}()\"#\\\\ \n\r,.a-cqmutaion$:=@]{0,60}") {
                let _ = operations(&document);
            }

            /// However a mutation is hidden among queries, it is seen.
            #[test]
            fn a_mutation_is_always_seen(
                before in "(\\{ a(\\(b: \"[a-z{}() #]{0,8}\"\\))? \\}|query Q \\{ b \\{ c \\} \\}|#[a-z{}\"]{0,8}\n|[ ,\t\r\n]){0,6}",
                gap in "([ ,\t\r\n]|#[a-z{}\"]{0,8}[\r\n]){0,4}",
            ) {
                let document = format!("{before}{gap}mutation{gap}{{ a }}");
                if let Ok(kinds) = kinds(&document) {
                    prop_assert!(kinds.contains(&Kind::Mutation), "{}", document);
                } else {
                    prop_assert!(false, "{} is not read", document);
                }
            }
        }
    }
}
