import { silentLog } from '../../src/base/log.ts';
import { Ledger, type LedgerStore } from '../../src/controller/ledger.ts';

/** A ledger that nobody is told of. By default there is none yet, and what is written is lost. */
export function quietLedger({
  read = async () => undefined,
  write = async () => undefined,
}: Partial<LedgerStore> = {}): Ledger {
  return new Ledger({ read, write }, silentLog, { onProblem: () => {}, onMore: () => {} });
}
