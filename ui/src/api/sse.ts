// Server-sent events from a fetch: an EventSource cannot send the header with the token. The parser is pure.

export interface ServerEvent {
  readonly type: string;
  readonly data: string;
}

/** Characters of an event that is not complete yet: this server sends no more. */
export const LONGEST_EVENT = 16_000_000;

/** Reads a stream of server-sent events in pieces, as the HTML standard says. */
export class EventParser {
  /** Id of the last complete event, to reconnect with. */
  lastId = "";
  private id = "";
  private rest = "";
  private type = "";
  private data: string[] = [];
  private size = 0;

  /** Begin with another stream: what of an event has come by the last one will come again. */
  restart(): void {
    this.id = this.lastId;
    this.rest = "";
    this.clear();
  }

  /** The events that this piece completes. Throws RangeError for one that is too long, which is not asked for again. */
  add(piece: string): ServerEvent[] {
    if (this.size + this.rest.length + piece.length > LONGEST_EVENT) {
      this.lastId = "";
      throw new RangeError("an event is too long");
    }
    const lines = (this.rest + piece).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.line(line) ?? []);
  }

  private line(line: string): ServerEvent | undefined {
    if (line === "") return this.dispatch();
    if (line.startsWith(":")) return undefined;
    const [, field = "", value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === "event") this.type = value;
    else if (field === "data") {
      this.data.push(value);
      this.size += value.length;
    } else if (field === "id" && !value.includes("\0")) this.id = value;
    return undefined;
  }

  private dispatch(): ServerEvent | undefined {
    const event = this.data.length ? { type: this.type || "message", data: this.data.join("\n") } : undefined;
    this.lastId = this.id;
    this.clear();
    return event;
  }

  private clear(): void {
    this.type = "";
    this.data = [];
    this.size = 0;
  }
}

/** Seconds before another try: longer after each failure, with a random part so that clients do not come at once. */
export function pause(failures: number, random: () => number = Math.random): number {
  return Math.min(15, 2 ** Math.min(failures, 5) * 0.5) * (0.5 + random());
}
