// In place of the parser's table of messages: a browser gets the codes alone, which are what programs compare.
export class ParserError extends Error {
  constructor(code) {
    super(code);
    this.code = code;
  }
}
export const ENGINE_PARSER_ERRORS = {};
