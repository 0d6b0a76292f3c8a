/** An error with a code for machines, and with what else is known of it. */
export class CodedError<Code extends string> extends Error {
  declare readonly code: Code;

  constructor(code: Code, message: string, fields?: object) {
    super(message);
    Object.assign(this, fields, { code });
  }
}
