import { channel } from "node:diagnostics_channel";

/** Subscribes to a channel of the server. Returns what undoes it. */
export function subscribeChannel(name: string, listener: (message: never) => void): () => void {
  const messages = channel(name);
  const onMessage = (message: unknown): void => void Reflect.apply(listener, undefined, [message]);
  messages.subscribe(onMessage);
  return () => messages.unsubscribe(onMessage);
}
