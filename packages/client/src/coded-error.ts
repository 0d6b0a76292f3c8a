/** An error with a machine code and further fields. */
export class CodedError<Code extends string> extends Error {
  /** What happened; stays the same between versions. */
  declare readonly code: Code;

  constructor(code: Code, message: string, fields?: object) {
    super(message);
    Object.assign(this, fields, { code });
  }
}
