//! The search over all tools: BM25 over names, descriptions and parameters.

use bm25::{Embedder, EmbedderBuilder, Tokenizer as _};
use serde_json::Value;

use super::{postings::Postings, words::Words};
use crate::registry::{Server, Tool};

/// How often the words of a tool's name count, compared to those of its description.
const NAME_COUNTS: usize = 3;
/// Most different words of a query that are looked for.
const MOST_WORDS: usize = 24;
/// Most characters of a tool's description and parameters that are searched: a long text does not make a tool better known.
const MOST_TEXT: usize = 4000;

/// A tool in the index.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Whose it is.
    pub server_id: String,
    /// The argument that names the environment, if the server has one.
    pub environment_argument: Option<String>,
    /// The tool as approved.
    pub tool: Tool,
}

/// A tool that a search found.
#[derive(Debug)]
pub struct Found<'a> {
    /// The tool.
    pub listed: &'a Listed,
    /// How well it fits; more is better, and only the order means something.
    pub score: f32,
}

/// All tools of some servers, searchable.
pub struct Index {
    embedder: Embedder<u32, Words>,
    postings: Postings,
    tools: Vec<Listed>,
}

impl Index {
    /// The index of these servers' tools.
    pub fn new(servers: Vec<Server>) -> Self {
        let mut documents = Vec::new();
        let mut tools = Vec::new();
        for server in servers {
            let environment_argument = server.environment_argument().map(str::to_owned);
            let context = format!("{} {}", server.server_id, server.server_name);
            for tool in server.available_tools {
                documents.push(document(&context, &tool));
                let environment_argument = environment_argument.clone();
                tools.push(Listed { server_id: server.server_id.clone(), environment_argument, tool });
            }
        }
        let texts: Vec<&str> = documents.iter().map(String::as_str).collect();
        let embedder = EmbedderBuilder::with_tokenizer_and_fit_to_corpus(Words, &texts).build();
        let mut postings = Postings::default();
        for text in &texts {
            postings.push(&embedder.embed(text));
        }
        Self { embedder, postings, tools }
    }

    /// How many tools there are.
    pub fn len(&self) -> usize {
        self.tools.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    /// The tools that fit a query, the best first, at most `limit`, of those that `permitted` lets through (by server and
    /// name).
    pub fn search(&self, query: &str, limit: usize, permitted: impl Fn(&str, &str) -> bool) -> Vec<Found<'_>> {
        let mut words: Vec<String> = Vec::new();
        for word in Words.tokenize(query) {
            if words.len() < MOST_WORDS && !words.contains(&word) {
                words.push(word);
            }
        }
        // Where several fit as well, the order is that of the registry and the same every time.
        let found = self.postings.matches(&self.embedder.embed(&words.join(" ")));
        let found = found.filter_map(|(number, score)| {
            let listed = self.tools.get(usize::try_from(number).ok()?)?;
            Some(Found { listed, score })
        });
        found.filter(|found| permitted(&found.listed.server_id, &found.listed.tool.name)).take(limit).collect()
    }

    /// The ids of the servers that have a tool which `permitted` lets through.
    pub fn servers(&self, permitted: impl Fn(&str, &str) -> bool) -> Vec<String> {
        let mut servers: Vec<String> = self
            .tools
            .iter()
            .filter(|listed| permitted(&listed.server_id, &listed.tool.name))
            .map(|listed| listed.server_id.clone())
            .collect();
        servers.dedup();
        servers
    }
}

impl std::fmt::Debug for Index {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Index").field("tools", &self.tools.len()).finish_non_exhaustive()
    }
}

/// The text of a tool that is searched.
fn document(context: &str, tool: &Tool) -> String {
    let mut text = tool.description.clone();
    if let Some(title) = &tool.annotations.title {
        text.push(' ');
        text.push_str(title);
    }
    for (name, schema) in tool.input_schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        text.push_str(&format!(" {name} {description}"));
    }
    let text: String = text.chars().take(MOST_TEXT).collect();
    format!("{}{context} {text}", format!("{} ", tool.name).repeat(NAME_COUNTS))
}
