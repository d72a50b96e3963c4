/** What is used of the package semver, which brings no types. */
declare module "semver" {
  /** Whether a version is in a range such as `>=18`; false for what is neither. */
  export function satisfies(version: string, range: string): boolean;
  /** A range in its long form; null for what is none. */
  export function validRange(range: string): string | null;
}
