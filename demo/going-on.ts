import type { Stage } from './stage.ts';
import type { Terminal } from './terminal.ts';

export function howToGoOn(terminal: Terminal): void {
  terminal.heading('How to go on');
  terminal.list([
    ['npm run demo -- --keep', 'the same, left running for you to try'],
    ['config/policies', 'five policies to begin with, all in Audit'],
    ['README.md', 'Watchkeeper on your own cluster'],
  ]);
}

/** While everything runs on. */
export async function howToConnect(terminal: Terminal, { controlPlane, operator }: Stage): Promise<void> {
  terminal.heading('Everything runs on: in another terminal, try');
  terminal.quote(`export KUBECONFIG=${controlPlane.kubeconfig}
kubectl get watchpolicies
kubectl describe watchpolicy cost-center
kubectl get certificates,scaledobjects,servicemonitors,databases -A -L cost-center,team

# The namespace moves to another cost center, and its objects follow:
kubectl label namespace team-a cost-center=cc-3003 --overwrite
kubectl get certificates -n team-a -L cost-center

# The policy goes, and with it the labels that it has set:
kubectl delete watchpolicy cost-center
kubectl get certificates -A -L cost-center

# The operator's own view:
curl ${await operator.url()}/metrics`);
  terminal.say('Ctrl-C stops everything and removes it.');
}
