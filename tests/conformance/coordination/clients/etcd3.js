// The npm client etcd3 on one engine: each step prints what it saw as one line. `!restart` asks whoever runs this to
// restart the engine; a line on the standard input says that it is back.
const { Etcd3 } = require('etcd3');
const { once } = require('node:events');
const readline = require('node:readline');

const client = new Etcd3({ hosts: process.argv[2] });
const lines = readline.createInterface({ input: process.stdin });

const steps = {
  async 'put and get'() {
    await client.put('a').value('1');
    await client.put('number').value(42);
    await client.put('json').value(JSON.stringify({ x: [1, 2] }));
    return [
      await client.get('a'),
      await client.get('number').number(),
      await client.get('json').json(),
      await client.get('missing'),
      await client.get('a').exists(),
      (await client.get('a').buffer()).toString('hex'),
    ];
  },
  async 'previous values'() {
    const put = await client.put('a').value('2').getPrevious();
    await client.put('a').ignoreLease().value('3');
    await client.put('a').touch();
    return [put.value.toString(), (await client.get('a').exec()).kvs[0].version];
  },
  async 'get all'() {
    for (const [key, value] of [['p/b', '1'], ['p/a', '3'], ['p/c', '2']]) await client.put(key).value(value);
    const all = client.getAll();
    return [
      await client.getAll().prefix('p/').strings(),
      await client.getAll().prefix('p/').keys(),
      await client.getAll().prefix('p/').sort('Value', 'Descend').limit(2).keys(),
      await client.getAll().inRange({ start: 'p/a', end: 'p/c' }).keys(),
      await client.getAll().prefix('p/').count(),
      await all.all().count(),
    ];
  },
  async 'delete'() {
    const removed = await client.delete().key('p/a').getPrevious();
    const many = await client.delete().prefix('p/').exec();
    return [removed.map(kv => kv.value.toString()), many.deleted, await client.getAll().prefix('p/').count()];
  },
  async 'transactions'() {
    const attempt = () => client
      .if('txn', 'Create', '==', 0)
      .then(client.put('txn').value('made'))
      .else(client.get('txn'), client.put('again').value('yes'))
      .commit();
    const first = await attempt();
    const second = await attempt();
    const third = await client.if('txn', 'Value', '==', 'made').and('again', 'Version', '>', 0)
      .then(client.delete().key('again'), client.get('txn')).commit();
    return [
      first.succeeded, second.succeeded, second.responses[0].response_range.kvs[0].value.toString(),
      third.succeeded, third.responses.map(one => one.response),
    ];
  },
  async 'software transaction'() {
    await client.put('stm').value('0');
    const add = () => client.stm({ retries: 100 }).transact(async tx => {
      await tx.put('stm').value((await tx.get('stm').number()) + 1);
    });
    await Promise.all(Array.from({ length: 8 }, add));
    return client.get('stm').number();
  },
  async 'watch'() {
    const saw = [];
    const watcher = await client.watch().prefix('w/').withPreviousKV().create();
    watcher.on('put', (kv, before) => saw.push(`put ${kv.key} ${kv.value} over ${before ? before.value : ''}`));
    watcher.on('delete', (kv, before) => saw.push(`delete ${kv.key} of ${before.value}`));
    await client.put('w/a').value('1');
    await client.put('other').value('1');
    await client.put('w/a').value('2');
    await client.delete().key('w/a');
    while (saw.length < 3) await once(watcher, 'data');
    await watcher.cancel();
    return saw;
  },
  async 'watch only deletions, from a revision'() {
    const { header: { revision } } = await client.put('only').value('1');
    await client.delete().key('only');
    const watcher = await client.watch().key('only').only('delete').startRevision(revision).create();
    const [kv] = await once(watcher, 'delete');
    await watcher.cancel();
    return [kv.key.toString(), BigInt(kv.mod_revision) - BigInt(revision)].map(String);
  },
  async 'watch goes on after a restart'() {
    const saw = [];
    const watcher = await client.watch().prefix('r/').create();
    watcher.on('put', kv => saw.push(kv.value.toString()));
    await client.put('r/a').value('before');
    while (saw.length < 1) await once(watcher, 'put');
    const back = once(watcher, 'connected');
    console.log('!restart');
    await once(lines, 'line');
    const other = new Etcd3({ hosts: process.argv[2] });
    await other.put('r/a').value('after');
    await other.put('r/b').value('after that');
    other.close();
    await back;
    while (saw.length < 3) await once(watcher, 'put');
    await watcher.cancel();
    return saw;
  },
  async 'lease'() {
    const lease = client.lease(60, { autoKeepAlive: false });
    await lease.put('leased').value('1');
    const { TTL } = await lease.keepaliveOnce();
    const before = await client.get('leased');
    await lease.revoke();
    return [TTL, before, await client.get('leased'), lease.revoked()];
  },
  async 'lease is lost'() {
    const lease = client.lease(60);
    const id = await lease.grant();
    const lost = once(lease, 'lost');
    await client.leaseClient.leaseRevoke({ ID: id });
    lease.keepaliveOnce().catch(() => {});
    const [error] = await lost;
    return error.constructor.name;
  },
  async 'lock'() {
    const saw = [];
    await client.lock('l').ttl(20).do(async () => {
      saw.push('held');
      await client.lock('l').acquire().catch(error => saw.push(error.constructor.name));
    });
    await client.lock('l').do(() => saw.push('held again'));
    return saw;
  },
  async 'election'() {
    const election = client.election('e', 20);
    const observer = await election.observe();
    const saw = [];
    const leads = value => new Promise(done => {
      const look = now => { if (now === value) { saw.push(now); done(); } };
      look(observer.leader());
      observer.on('change', look);
    });
    const first = election.campaign('one');
    await first.wait();
    await leads('one');
    const second = election.campaign('two');
    await first.resign();
    await second.wait();
    await leads('two');
    await second.proclaim('two again');
    await leads('two again');
    saw.push(await election.leader());
    await second.resign();
    await observer.cancel();
    return saw;
  },
  async 'namespace'() {
    const within = client.namespace('app/');
    await within.put('x').value('1');
    const watcher = await within.watch().key('x').create();
    const seen = once(watcher, 'put');
    await client.put('app/x').value('2');
    const [kv] = await seen;
    await watcher.cancel();
    await within.delete().all();
    return [kv.key.toString(), kv.value.toString(), await client.get('app/x'), await client.get('a')];
  },
  async 'errors'() {
    const name = promise => promise.then(() => 'none', error => `${error.constructor.name}: ${error.message}`);
    return [
      await name(client.put('x').value('1').lease('1234567')),
      await name(client.getAll().prefix('x').revision(99999999).keys()),
      await name(client.put('').value('1')),
      await name(client.put('large').value('x'.repeat(1600000))),
    ];
  },
  async 'users and roles'() {
    const role = client.role('reader');
    await role.create();
    await role.grant({ permission: 'Read', range: client.range({ prefix: 'p/' }) });
    const user = client.user('alice');
    await user.create('secret');
    await user.addRole('reader');
    const saw = [
      (await client.getUsers()).map(one => one.name),
      (await client.getRoles()).map(one => one.name),
      (await role.permissions()).map(one => `${one.permission} ${one.range.start} ${one.range.end}`),
      (await user.roles()).map(one => one.name),
    ];
    await user.delete();
    await role.delete();
    return saw;
  },
};

async function main() {
  for (const [name, step] of Object.entries(steps)) {
    const timer = new Promise((_, fail) => setTimeout(fail, 20000, new Error('no answer within 20 s')).unref());
    const saw = await Promise.race([step(), timer]).catch(error => `failed: ${error.stack.slice(0, 300)}`);
    console.log(`${name}: ${JSON.stringify(saw)}`);
  }
  process.exit(0);
}

main();
