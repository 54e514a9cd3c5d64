import { useCallback, useState } from "react";

import { problemOf } from "./api";

interface State {
  readonly pending: boolean;
  readonly problem: string | null;
}

/**
 * The state of what one control asks for: whether the answer is on its way, and what went wrong.
 *
 * `run` never rejects. It returns whether the work was done.
 */
export function useRequest() {
  const [state, setState] = useState<State>({ pending: false, problem: null });
  const run = useCallback(async (work: () => Promise<unknown>): Promise<boolean> => {
    setState({ pending: true, problem: null });
    try {
      await work();
      setState({ pending: false, problem: null });
      return true;
    } catch (error) {
      setState({ pending: false, problem: problemOf(error) });
      return false;
    }
  }, []);
  return { ...state, run };
}
