import * as z from 'zod';

const Snapshot = z.object({
  snapshot: z.object({
    meta: z.object({
      node_fields: z.array(z.string()),
      node_types: z.tuple([z.array(z.string())], z.unknown()),
      location_fields: z.array(z.string()),
    }),
  }),
  nodes: z.array(z.number()),
  locations: z.array(z.number()),
  strings: z.array(z.string()),
});

/** What is no class but a shape of data: of these the heap tells by its size. */
const PLAIN = new Set(['Object', 'Array']);

/** Of V8's heap snapshot, how many objects there are of each class, and closures of each function, by where it stands. */
export function countInstances(json: string): ReadonlyMap<string, number> {
  const { snapshot, nodes, locations, strings } = Snapshot.parse(JSON.parse(json));
  const { node_fields: fields, node_types: types, location_fields: locationFields } = snapshot.meta;
  const [type, name] = [fields.indexOf('type'), fields.indexOf('name')];
  const [of, script, line, column] = ['object_index', 'script_id', 'line', 'column'].map((field) =>
    locationFields.indexOf(field),
  );
  const places = new Map<number, string>();
  for (let at = 0; at < locations.length; at += locationFields.length) {
    const [node = 0, ...place] = [of, script, line, column].map((field = 0) => locations[at + field] ?? 0);
    places.set(node, place.join(':'));
  }
  const counts = new Map<string, number>();
  for (let at = 0; at < nodes.length; at += fields.length) {
    const kind = types[0][nodes[at + type] ?? 0] ?? '';
    if (kind !== 'object' && kind !== 'closure') continue;
    const named = strings[nodes[at + name] ?? 0] ?? '';
    if (PLAIN.has(named)) continue;
    const key = kind === 'closure' ? `${kind} ${named} at ${places.get(at) ?? ''}` : `${kind} ${named}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
