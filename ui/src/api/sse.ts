// Server-sent events from a fetch: an EventSource cannot send the header with the token. The parser is pure.

export interface ServerEvent {
  readonly type: string;
  readonly data: string;
}

/** Reads a stream of server-sent events in pieces, as the HTML standard says. */
export class EventParser {
  /** Id of the last event, to reconnect with. */
  lastId = "";
  private rest = "";
  private type = "";
  private data: string[] = [];

  /** The events that this piece completes. */
  add(piece: string): ServerEvent[] {
    const lines = (this.rest + piece).split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop() ?? "";
    return lines.flatMap((line) => this.line(line) ?? []);
  }

  private line(line: string): ServerEvent | undefined {
    if (line === "") return this.dispatch();
    if (line.startsWith(":")) return undefined;
    const [, field = "", value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === "event") this.type = value;
    else if (field === "data") this.data.push(value);
    else if (field === "id" && !value.includes("\0")) this.lastId = value;
    return undefined;
  }

  private dispatch(): ServerEvent | undefined {
    const event = this.data.length ? { type: this.type || "message", data: this.data.join("\n") } : undefined;
    this.type = "";
    this.data = [];
    return event;
  }
}

/** Seconds before another try: longer after each failure, with a random part so that clients do not come at once. */
export function pause(failures: number, random: () => number = Math.random): number {
  return Math.min(15, 2 ** Math.min(failures, 5) * 0.5) * (0.5 + random());
}
