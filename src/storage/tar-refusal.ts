/** Why an archive is refused. `entry` is "" where it is not known. */
export class TarRefusal extends Error {
  readonly type: "truncated" | "invalid" | "unsafe";
  readonly entry: string;

  constructor(type: TarRefusal["type"], entry: string, why: string) {
    super(why);
    this.type = type;
    this.entry = entry;
  }
}
