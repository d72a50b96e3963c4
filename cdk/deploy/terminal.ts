/** The person in front of the terminal, if there is one. */
import { createInterface } from "node:readline/promises";
import { Mistake } from "../mistake";

export interface Terminal {
  /** Whether questions reach a person. */
  readonly interactive: boolean;
  /** Writes text and a line end. */
  tell(text: string): void;
  /**
   * Asks, and returns the answer without blanks around it; the empty text if the input ends. Throws a {@link Mistake}
   * when the person stops the program.
   */
  ask(question: string): Promise<string>;
}

/** The terminal that this process was started from. */
export function ownTerminal(): Terminal {
  return {
    interactive: process.stdin.isTTY && process.stdout.isTTY,
    tell: (text) => process.stdout.write(`${text}\n`),
    ask: async (question) => {
      const lines = createInterface({ input: process.stdin, output: process.stdout });
      const ended = new Promise<string>((resolve, reject) => {
        lines.once("close", () => {
          resolve("");
        });
        // Whoever presses Ctrl-C has not said no to the question, but to all of it.
        lines.once("SIGINT", () => {
          reject(new Mistake("\nStopped; nothing was changed."));
        });
      });
      try {
        return (await Promise.race([lines.question(question), ended])).trim();
      } finally {
        lines.close();
      }
    },
  };
}
