/** The person in front of the terminal, if there is one. */
import { createInterface } from "node:readline/promises";

export interface Terminal {
  /** Whether questions reach a person. */
  readonly interactive: boolean;
  /** Writes text and a line end. */
  tell(text: string): void;
  /** Asks, and returns the answer without blanks around it; the empty text if none came. */
  ask(question: string): Promise<string>;
}

/** The terminal that this process was started from. */
export function ownTerminal(): Terminal {
  return {
    interactive: process.stdin.isTTY && process.stdout.isTTY,
    tell: (text) => process.stdout.write(`${text}\n`),
    ask: async (question) => {
      const lines = createInterface({ input: process.stdin, output: process.stdout });
      const closed = new Promise<string>((resolve) => {
        lines.once("close", () => {
          resolve("");
        });
      });
      try {
        return (await Promise.race([lines.question(question), closed])).trim();
      } finally {
        lines.close();
      }
    },
  };
}
