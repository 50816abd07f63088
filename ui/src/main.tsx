// Composes the page: who the reader is, what happens, and which view an address means.

import "./parts/guard";
import "./style/base.css";
import "./style/parts.css";
import "./style/views.css";
import { render } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Link, Route, Router, Switch, useLocation } from "wouter-preact";
import { NAMESPACE, PAGE_BASE } from "./api/address";
import { Refusal } from "./api/client";
import { locked } from "./api/token";
import { BareLayout, Layout } from "./parts/Layout";
import { lazily } from "./parts/lazily";
import { Notices } from "./parts/Notices";
import { Palette, usePaletteKey } from "./parts/Palette";
import { Empty, Loading } from "./parts/States";
import { runClock } from "./state/clock";
import { mayLeave } from "./state/leaving";
import { connect, disconnect, poll } from "./state/live";
import { identify, may, whoami } from "./state/session";
import { resume, signingOn } from "./state/signon";
import { Busy } from "./views/Busy";
import { Chains } from "./views/Chains";
import { Cluster } from "./views/Cluster";
import { Edit } from "./views/Edit";
import { Execution } from "./views/Execution";
import { Job } from "./views/Job";
import { Jobs } from "./views/Jobs";
import { Login, LoginAgain } from "./views/Login";
import { Overview } from "./views/Overview";
import { Runs } from "./views/Runs";
import { NoRights, Unreached } from "./views/Unreached";

const Backfills = lazily(async () => (await import("./views/Backfills")).Backfills);
const NewBackfill = lazily(async () => (await import("./views/NewBackfill")).NewBackfill);
const Backfill = lazily(async () => (await import("./views/Backfill")).Backfill);
const Pauses = lazily(async () => (await import("./views/Pauses")).Pauses);
const NewPause = lazily(async () => (await import("./views/NewPause")).NewPause);

/** Seconds before the API is asked again who the reader is. */
const AGAIN = 3;

function App() {
  const [trouble, setTrouble] = useState<Error>();
  const known = whoami.value !== undefined;
  const isLocked = locked.value;
  useEffect(() => {
    if (known || isLocked) return undefined;
    let timer: ReturnType<typeof setTimeout>;
    const begin = async () => {
      try {
        await identify();
        setTrouble(undefined);
      } catch (error) {
        if (error instanceof Refusal && error.status === 401) return;
        setTrouble(error instanceof Error ? error : new Error(String(error)));
        timer = setTimeout(begin, AGAIN * 1000);
      }
    };
    void begin();
    return () => clearTimeout(timer);
  }, [known, isLocked]);
  // The data on the screen once the reader is known was read after that; later it may be older.
  const isRead = useRef(false);
  useEffect(() => {
    if (!known) isRead.current = false;
    if (!known || isLocked) return undefined;
    if (may("watch dkronjobs")) connect(isRead.current ? "" : whoami.peek()?.last_event_id);
    else poll();
    isRead.current = true;
    return disconnect;
  }, [known, isLocked]);
  if (isLocked && !known && !signingOn.value) return <Login />;
  if (!known)
    return <BareLayout>{trouble ? <Unreached why={trouble} namespace={NAMESPACE} /> : <Loading />}</BareLayout>;
  // Another reader begins again; the same one goes on.
  return (
    <>
      <Pages key={whoami.value?.name} />
      {isLocked && <LoginAgain />}
    </>
  );
}

function Pages() {
  usePaletteKey();
  useFocusOnArrival();
  if (whoami.value?.rights.length === 0) {
    return (
      <BareLayout>
        <NoRights namespace={whoami.value.namespace} />
      </BareLayout>
    );
  }
  return (
    <Layout>
      <Switch>
        <Route path="/">
          <Overview />
        </Route>
        <Route path="/jobs">
          <Jobs />
        </Route>
        <Route path="/new">
          <Edit key="" name={undefined} />
        </Route>
        <Route path="/jobs/:name">{({ name }) => <Job key={name} name={name} />}</Route>
        <Route path="/jobs/:name/edit">{({ name }) => <Edit key={name} name={name} />}</Route>
        <Route path="/jobs/:name/executions/:id">
          {({ name, id }) => <Execution key={`${name} ${id}`} job={name} id={id} />}
        </Route>
        <Route path="/runs">
          <Runs />
        </Route>
        <Route path="/busy">
          <Busy />
        </Route>
        <Route path="/chains">
          <Chains />
        </Route>
        <Route path="/backfills">
          <Backfills />
        </Route>
        <Route path="/backfills/new">
          <NewBackfill />
        </Route>
        <Route path="/backfills/:name">{({ name }) => <Backfill key={name} name={name} />}</Route>
        <Route path="/pauses">
          <Pauses />
        </Route>
        <Route path="/pauses/new">
          <NewPause />
        </Route>
        <Route path="/cluster">
          <Cluster />
        </Route>
        <Route>
          <Empty page title="There is no page at this address.">
            <p>
              <Link href="/">Go to the overview</Link>
            </p>
          </Empty>
        </Route>
      </Switch>
      <Palette />
    </Layout>
  );
}

/** Move the focus to the content of another page, so that screen readers and the keyboard begin there. */
function useFocusOnArrival(): void {
  const [path] = useLocation();
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    document.getElementById("main")?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [path]);
}

const root = document.getElementById("app");
if (root) {
  runClock();
  void resume();
  render(
    <Router base={PAGE_BASE} aroundNav={(go, to, options) => mayLeave() && go(to, options)}>
      <App />
      <Notices />
    </Router>,
    root,
  );
}
