// Who can log in at the provider, and which of the API's scopes the person may hand out.

export const users = [
  { name: 'alice', password: 'alice-password', scopes: ['read:messages'] },
  { name: 'bob', password: 'bob-password', scopes: [] },
];

export function check(name, password) {
  return users.find((user) => user.name === name && user.password === password);
}

export function find(name) {
  return users.find((user) => user.name === name);
}
