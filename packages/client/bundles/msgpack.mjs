// Replaces encoder.ts and decoder.ts by the protocol of socket.io-msgpack-parser.
export { Decoder, Encoder } from "socket.io-msgpack-parser";
