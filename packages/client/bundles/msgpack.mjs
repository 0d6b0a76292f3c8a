// In place of encoder.ts and decoder.ts: the protocol of socket.io-msgpack-parser.
export { Decoder, Encoder } from "socket.io-msgpack-parser";
