import type { BoardCore } from "./part.ts";
import { isPageQuestion } from "./questions.ts";
import type { SessionsView } from "./sessions-view.ts";
import type { Answer, ConnectionRow, Page, PageQuestion } from "./wire.ts";

type PagedView = "connections" | "members";
type AnsweredPage = Answer<Page<ConnectionRow>>;

/** Pages of connections, of this node and of others. The node that answers leaves out what its viewers may not see. */
export class PagesOfNodes {
  readonly #core: BoardCore;
  readonly #own: SessionsView;

  constructor(core: BoardCore, own: SessionsView) {
    this.#core = core;
    this.#own = own;
    core.nodes.answer("page", (asked) => this.#answer(asked));
  }

  page(view: PagedView, question: PageQuestion): Promise<AnsweredPage> {
    const { node, ...rest } = question;
    const { nodes } = this.#core;
    if (node === undefined || node === nodes.ownTag) return this.#own.page(view, rest);
    return this.#ask(node, view, rest);
  }

  async #ask(node: string, view: PagedView, question: PageQuestion): Promise<AnsweredPage> {
    const { nodes } = this.#core;
    if (!nodes.tags.includes(node)) return { error: "UNKNOWN" };
    const answer = await nodes.ask(node, "page", [view, question]);
    return isPageAnswer(answer) ? answer : { error: "FAILED" };
  }

  async #answer(asked: unknown): Promise<AnsweredPage | undefined> {
    const [view, question] = Array.isArray(asked) ? (asked as readonly unknown[]) : [];
    if ((view !== "connections" && view !== "members") || !isPageQuestion(question)) return undefined;
    return this.#core.sessionIds.hide(await this.#own.page(view, question));
  }
}

/** The links have proved that the other node belongs to the cluster, but it may have another version. */
function isPageAnswer(answer: unknown): answer is AnsweredPage {
  return typeof answer === "object" && answer !== null && ("error" in answer || "rows" in answer);
}
