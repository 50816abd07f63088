// Asks before a pause ends: what came due meanwhile may run at once.

import type { Pause } from "../api/pauses";
import { pausedJobs, resumedInWords } from "../model/backfills";
import { Confirm } from "./Confirm";

interface Props {
  pause: Pause;
  onYes: () => void;
  onClose: () => void;
}

export function ResumeDialog({ pause, onYes, onClose }: Props) {
  return (
    <Confirm
      title={`Resume ${pausedJobs(pause)}?`}
      text={resumedInWords(pause)}
      verb="Resume"
      destroys={false}
      onYes={onYes}
      onClose={onClose}
    />
  );
}
