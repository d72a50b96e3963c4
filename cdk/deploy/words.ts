/** Words of a command line, told apart as a shell does; nothing in them is expanded or run. */

/** Splits a text into words; returns what is wrong with it instead, as a sentence. */
export function splitWords(text: string): readonly string[] | string {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    if (quote !== "" && char === quote) {
      quote = "";
    } else if (char === "\\" && quote !== "'") {
      i += 1;
      if (i === text.length) return "ends in a backslash";
      // Between double quotes a backslash stands for itself, unless it protects one of these.
      const kept = quote === '"' && !'"\\$`'.includes(text.charAt(i));
      word = (word ?? "") + (kept ? "\\" : "") + text.charAt(i);
    } else if (quote === "" && (char === "'" || char === '"')) {
      quote = char;
      word ??= "";
    } else if (quote === "" && /\s/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + char;
    }
  }
  if (quote !== "") return `a ${quote} is opened and not closed`;
  if (word !== undefined) words.push(word);
  return words;
}

/** A word as a person can paste it into a shell. */
export function quoted(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
