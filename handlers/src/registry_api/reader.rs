//! Takes the fields of a JSON object one by one and collects what is wrong with them, each with its place.

use serde_json::{Map, Value};

use crate::problem::Fault;

/// An object that is being read.
pub(super) struct Reader {
    place: String,
    left: Map<String, Value>,
    faults: Vec<Fault>,
}

impl Reader {
    /// Reads the object at a JSON pointer.
    pub(super) const fn new(place: String, fields: Map<String, Value>) -> Self {
        Self { place, left: fields, faults: Vec::new() }
    }

    /// A field is wrong.
    pub(super) fn fault(&mut self, name: &str, detail: impl Into<String>) {
        self.faults.push(Fault::at(self.pointer(name), detail));
    }

    /// Notes what a check of a field found.
    pub(super) fn check(&mut self, name: &str, outcome: Result<(), String>) {
        if let Err(detail) = outcome {
            self.fault(name, detail);
        }
    }

    /// Notes what was found further inside.
    pub(super) fn extend(&mut self, faults: impl IntoIterator<Item = Fault>) {
        self.faults.extend(faults);
    }

    /// The JSON pointer to a field.
    pub(super) fn pointer(&self, name: &str) -> String {
        pointer(&self.place, name)
    }

    /// A field; null counts as left out, as clients send it for what they do not have.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name).filter(|value| !value.is_null())
    }

    /// A text.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(text) => Some(text),
            _ => self.is_no(name, "a string"),
        }
    }

    /// A text that passes a check.
    pub(super) fn checked(&mut self, name: &str, check: impl Fn(&str) -> Result<(), String>) -> Option<String> {
        let text = self.text(name)?;
        match check(&text) {
            Ok(()) => Some(text),
            Err(detail) => {
                self.fault(name, detail);
                None
            }
        }
    }

    /// A text that has to be there and passes a check; empty if it does not.
    pub(super) fn required(&mut self, name: &str, check: impl Fn(&str) -> Result<(), String>) -> String {
        if matches!(self.left.get(name), None | Some(Value::Null)) {
            self.fault(name, "is missing");
        }
        self.checked(name, check).unwrap_or_default()
    }

    /// True or false.
    pub(super) fn flag(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(flag) => Some(flag),
            _ => self.is_no(name, "true or false"),
        }
    }

    /// A whole number.
    pub(super) fn number(&mut self, name: &str) -> Option<u32> {
        match self.take(name)?.as_u64().and_then(|number| u32::try_from(number).ok()) {
            None => self.is_no(name, "a whole number"),
            number => number,
        }
    }

    /// An object.
    pub(super) fn object(&mut self, name: &str) -> Option<Map<String, Value>> {
        match self.take(name)? {
            Value::Object(fields) => Some(fields),
            _ => self.is_no(name, "an object"),
        }
    }

    /// A list.
    pub(super) fn list(&mut self, name: &str) -> Option<Vec<Value>> {
        match self.take(name)? {
            Value::Array(items) => Some(items),
            _ => self.is_no(name, "a list"),
        }
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(&mut self, name: &str, all: &[T], as_str: impl Fn(T) -> &'static str) -> Option<T> {
        let word = self.text(name)?;
        let found = all.iter().copied().find(|one| as_str(*one) == word);
        if found.is_none() {
            let all: Vec<_> = all.iter().map(|one| as_str(*one)).collect();
            self.fault(name, format!("must be one of {}", all.join(", ")));
        }
        found
    }

    /// One of some words, which has to be there.
    pub(super) fn required_word<T: Copy>(
        &mut self,
        name: &str,
        all: &[T],
        as_str: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        if matches!(self.left.get(name), None | Some(Value::Null)) {
            self.fault(name, "is missing");
        }
        self.word(name, all, as_str)
    }

    /// Everything that is wrong, given that nothing else may be there.
    pub(super) fn finish(mut self) -> Vec<Fault> {
        for name in std::mem::take(&mut self.left).keys() {
            self.fault(name, "is not known here");
        }
        self.faults
    }

    fn is_no<T>(&mut self, name: &str, what: &str) -> Option<T> {
        self.fault(name, format!("must be {what}"));
        None
    }
}

/// The JSON pointer to a field of the object at `place`. Source: RFC 6901, section 3.
pub(super) fn pointer(place: &str, name: &str) -> String {
    format!("{place}/{}", name.replace('~', "~0").replace('/', "~1"))
}
