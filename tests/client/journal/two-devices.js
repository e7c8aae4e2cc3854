'use strict'

// Two devices of one user: node two-devices.js http://127.0.0.1:8000 TOKEN

const logger = require('@nozbe/watermelondb/utils/common/logger').default
const { openJournal, create, sync } = require('./client.js')

// it tells of every database it opens; warnings and errors stay
logger.log = () => {}

async function main(url, token) {
  const phone = { database: openJournal(), server: { url, token, deviceId: 'phone' } }
  const laptop = { database: openJournal(), server: { url, token, deviceId: 'laptop' } }
  const synced = async (device) => {
    const report = await sync(device.database, device.server)
    console.log(`${device.server.deviceId}: ${report.message}`)
  }
  await synced(phone)
  await synced(laptop)

  // the phone, offline
  await phone.database.write(async () => {
    const mara = await create(phone.database, 'friends', { name: 'Mara', tier: 'close', tags: '["climbing"]' })
    const walk = await create(phone.database, 'interactions', { kind: 'walk', title: 'Along the river', happened_at: Date.now() })
    await create(phone.database, 'interaction_friends', { friend_id: mara.id, interaction_id: walk.id })
  })
  await synced(phone)
  await synced(laptop)

  // both change the same friend before either of them syncs
  const [onPhone] = await phone.database.get('friends').query().fetch()
  const onLaptop = await laptop.database.get('friends').find(onPhone.id)
  await phone.database.write(() => onPhone.update((friend) => { friend.notes = 'moves house in May' }))
  await laptop.database.write(() => onLaptop.update((friend) => { friend.nickname = 'Mari' }))
  await synced(phone)
  await synced(laptop)
  await synced(phone)

  for (const { database, server } of [phone, laptop]) {
    const friend = await database.get('friends').find(onPhone.id)
    console.log(`${server.deviceId} has ${friend.name}, “${friend.nickname}”, ${friend.notes}`)
  }
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error.message)
  process.exitCode = 1
})
