//! Which texts have a word, and how much it says about each.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
};

use bm25::Embedding;

/// Texts by their words. The scores are those of [`bm25::Scorer`], to the last bit; but that one goes through all words of every
/// text that has one of those asked for, which takes too long when nearly all have one.
#[derive(Debug, Default)]
pub(super) struct Postings {
    texts: u32,
    /// By word the texts that have it, in their order, and its weight in each.
    by_word: HashMap<u32, Vec<(u32, f32)>>,
}

impl Postings {
    /// Adds a text; the first has the number 0.
    pub(super) fn push(&mut self, text: &Embedding<u32>) {
        for word in text.iter() {
            let texts = self.by_word.entry(word.index).or_default();
            // It is there as often as in the text, with the same weight each time.
            if texts.last().is_none_or(|(last, _)| *last != self.texts) {
                texts.push((self.texts, word.value));
            }
        }
        self.texts += 1;
    }

    /// The texts that have a word of `query`, with their scores, the best first; of those that fit as well, the first.
    pub(super) fn matches(&self, query: &Embedding<u32>) -> impl Iterator<Item = (u32, f32)> + use<> {
        let mut scores = vec![0f32; self.texts as usize];
        for word in query.iter() {
            let Some(texts) = self.by_word.get(&word.index) else { continue };
            let having = texts.len() as f32;
            let rarity = (1f32 + (self.texts as f32 - having + 0.5) / (having + 0.5)).ln();
            for (text, weight) in texts {
                if let Some(score) = scores.get_mut(*text as usize) {
                    *score += rarity * weight;
                }
            }
        }
        // The bits of numbers above 0 have the order of the numbers. Few are wanted, so that not all are sorted.
        let found = (0..).zip(scores).filter(|(_, score)| *score > 0.0);
        let mut found: BinaryHeap<(u32, Reverse<u32>)> =
            found.map(|(text, score)| (score.to_bits(), Reverse(text))).collect();
        std::iter::from_fn(move || found.pop()).map(|(score, Reverse(text))| (text, f32::from_bits(score)))
    }
}

#[cfg(test)]
mod tests {
    use bm25::{Embedder, EmbedderBuilder, Scorer};

    use super::*;
    use crate::mcp_proxy::tools::words::Words;

    #[test]
    fn scores_and_order_are_those_of_the_scorer() {
        let vocabulary =
            ["create", "list", "invoice", "invoice", "the", "the", "the", "cluster", "queue", "of", "report"];
        let texts: Vec<String> = (0..200)
            .map(|number| {
                let words =
                    (0..3 + number % 7).map(|word| vocabulary[(number * 31 + word * word * 7) % vocabulary.len()]);
                words.collect::<Vec<_>>().join(" ")
            })
            .collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let embedder: Embedder<u32, Words> = EmbedderBuilder::with_tokenizer_and_fit_to_corpus(Words, &texts).build();
        let (mut postings, mut scorer) = (Postings::default(), Scorer::new());
        for (id, text) in (0u32..).zip(&texts) {
            postings.push(&embedder.embed(text));
            scorer.upsert(&id, embedder.embed(text));
        }
        for query in ["invoice", "the list of invoices", "report queue cluster create", "nothing", ""] {
            let query = embedder.embed(query);
            let mut expected: Vec<_> = scorer.matches(&query).iter().map(|one| (one.id, one.score.to_bits())).collect();
            expected.sort_by_key(|(id, score)| (Reverse(*score), *id));
            let found: Vec<_> = postings.matches(&query).map(|(id, score)| (id, score.to_bits())).collect();
            assert_eq!(found, expected, "{query}");
        }
        assert_eq!(postings.matches(&embedder.embed("the list of invoices")).count(), 200);
    }
}
