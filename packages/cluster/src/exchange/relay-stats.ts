/** What a relay has done. */
export interface RelayStats {
  /** Exchanges that this node has forwarded to their owners. */
  readonly forwarded: number;
  /** Exchanges of its sessions that other nodes have forwarded. */
  readonly received: number;
  /** Exchanges under way, as front. */
  readonly pending: number;
  /** Exchanges under way, as owner. */
  readonly owned: number;
  /** Requests that wait for this node to join, or for a link. */
  readonly waiting: number;
  readonly tunnels: number;
  /** Requests with the tag of no node. */
  readonly unknownTags: number;
  /** Requests that an owner did not know. */
  readonly unknownSids: number;
  /** Requests that would have overlapped one whose front was gone. */
  readonly repeated: number;
  /** Refused requests, by name. */
  readonly refused: Readonly<Record<string, number>>;
}
