// How a job stands: its state, and beside the state of a paused job, that its newest run failed.

import { failedBefore, type State, stateOf } from "../model/state";
import { StateIcon } from "./StateIcon";

interface Props {
  of: Parameters<typeof stateOf>[0];
  running: boolean;
  word?: boolean;
}

export function JobStateIcon({ of, running, word = false }: Props) {
  const before: State | undefined = failedBefore(of, running);
  return (
    <>
      <StateIcon state={stateOf(of, running)} word={word} />
      {before && (
        <StateIcon state={before} word={word} say={`its newest run ${before === "failed" ? "" : "partially "}failed`} />
      )}
    </>
  );
}
