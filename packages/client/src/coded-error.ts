/** An error with a machine code and further fields. */
export class CodedError<Code extends string> extends Error {
  declare readonly code: Code;

  constructor(code: Code, message: string, fields?: object) {
    super(message);
    Object.assign(this, fields, { code });
  }
}
