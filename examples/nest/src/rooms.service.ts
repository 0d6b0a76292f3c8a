import { Injectable } from "@nestjs/common";

/** The members of each room. */
@Injectable()
export class RoomsService {
  readonly #members = new Map<string, Set<string>>(["lobby", "harbour"].map((name) => [name, new Set()]));

  names(): string[] {
    return [...this.#members.keys()];
  }

  has(room: unknown): boolean {
    return typeof room === "string" && this.#members.has(room);
  }

  /** Returns the number of members. */
  join(room: string, id: string): number {
    const members = this.#members.get(room);
    members?.add(id);
    return members?.size ?? 0;
  }

  leaveAll(id: string): void {
    for (const members of this.#members.values()) members.delete(id);
  }
}
