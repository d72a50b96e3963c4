/** Something that a person got wrong in settings, agents or the build: the message says all there is to say. */
export class Mistake extends Error {
  override readonly name = "Mistake";
}
