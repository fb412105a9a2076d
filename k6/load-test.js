// Load on the shop as its clients make it: `k6 run k6/load-test.js`; BASE_URL names the gateway.
//
// Each virtual user comes from an address of its own, so the gateway must trust one hop (`--trusted-hops 1`): a refusal
// by a limit (429) is a failure here. `k6 run --vus 100 --duration 5m` works as well: the stages are only the default.
// NO_TIMES=1 leaves out the checks of times, for machines that are busy with other things.
import { check, group, sleep } from 'k6';
import exec from 'k6/execution';
import http from 'k6/http';
import { Counter, Gauge, Rate, Trend } from 'k6/metrics';

const BASE_URL = __ENV.BASE_URL || 'http://localhost:8080';
const PAUSE_S = Number(__ENV.PAUSE_S || '1');
const JUDGES_TIMES = __ENV.NO_TIMES !== '1';

// The share of checks and requests that went wrong.
const errors = new Rate('errors');
// Milliseconds; without registering, logging in and ordering, which have limits of their own.
const apiLatency = new Trend('api_latency', true);
const orderLatency = new Trend('order_latency', true);
const successfulOrders = new Counter('successful_orders');
// Requests to order that had no answer: they may have been taken or not.
const unansweredOrders = new Counter('unanswered_orders');
const activeUsers = new Gauge('active_users');

export const options = {
  stages: [
    { duration: '30s', target: 20 },
    { duration: '90s', target: 50 },
    { duration: '60s', target: 100 },
    { duration: '60s', target: 50 },
    { duration: '30s', target: 0 },
  ],
  thresholds: {
    http_req_duration: ['p(95)<500', 'p(99)<1000'],
    http_req_failed: ['rate<0.10'],
    errors: ['rate<0.05'],
    api_latency: ['p(95)<200'],
    order_latency: ['p(95)<1000'],
  },
};

// What a virtual user knows of itself from one iteration to the next.
const me = { email: '', password: 'a password of k6', token: '', order: '', products: [] };

function headers(more) {
  const vu = exec.vu.idInTest;
  const address = `10.${(vu >> 16) & 255}.${(vu >> 8) & 255}.${vu & 255}`;
  return { headers: { 'Content-Type': 'application/json', 'X-Forwarded-For': address, ...more } };
}

function authorized(more) {
  return headers({ Authorization: `Bearer ${me.token}`, ...more });
}

// Checks an answer and counts it among the errors if it is not as it should be.
function judged(response, name, status, withinMs, body) {
  const checks = {};
  checks[`${name}: ${status}`] = (r) => r.status === status;
  if (JUDGES_TIMES) {
    checks[`${name}: under ${withinMs} ms`] = (r) => r.timings.duration < withinMs;
  }
  if (body) {
    checks[`${name}: ${body.says}`] = (r) => r.status === status && body.holds(r.json());
  }
  const passed = check(response, checks);
  errors.add(!passed);
  return response.status === status;
}

export default function () {
  activeUsers.add(exec.instance.vusActive);

  group('health', () => {
    const response = http.get(`${BASE_URL}/health`, headers());
    apiLatency.add(response.timings.duration);
    judged(response, 'health', 200, 200, { says: 'healthy', holds: (b) => b.status === 'healthy' });
  });
  sleep(PAUSE_S);

  group('product list', () => {
    const response = http.get(`${BASE_URL}/api/v1/products?skip=0&limit=10`, headers());
    apiLatency.add(response.timings.duration);
    const hasProducts = { says: 'has products', holds: (b) => b.products.length > 0 && b.total > 0 };
    if (judged(response, 'product list', 200, 200, hasProducts)) {
      me.products = response.json('products.#.id');
    }
  });
  sleep(PAUSE_S);

  group('product detail', () => {
    if (me.products.length === 0) {
      return;
    }
    const id = me.products[exec.vu.iterationInInstance % me.products.length];
    const response = http.get(`${BASE_URL}/api/v1/products/${id}`, {
      ...headers(),
      tags: { name: '/api/v1/products/{product_id}' },
    });
    apiLatency.add(response.timings.duration);
    judged(response, 'product detail', 200, 300, { says: 'is the one', holds: (b) => b.id === id });
  });
  sleep(PAUSE_S);

  group('register / log in', () => {
    if (me.email === '') {
      const email = `k6-${Date.now()}-${exec.vu.idInTest}@load.test`;
      const person = { email, password: me.password, first_name: 'K', last_name: 'Six' };
      const response = http.post(`${BASE_URL}/api/v1/auth/register`, JSON.stringify(person), headers());
      if (judged(response, 'register', 201, 500, { says: 'has an id', holds: (b) => b.id !== '' })) {
        me.email = email;
      }
    }
    // Once in twenty iterations, and whenever there is no token: passwords are slow to check on purpose.
    if (me.email !== '' && (me.token === '' || exec.vu.iterationInInstance % 20 === 0)) {
      const credentials = { email: me.email, password: me.password };
      const response = http.post(`${BASE_URL}/api/v1/auth/login`, JSON.stringify(credentials), headers());
      if (judged(response, 'log in', 200, 500, { says: 'has a token', holds: (b) => b.token !== '' })) {
        me.token = response.json('token');
      }
    }
  });
  sleep(PAUSE_S);

  group('order creation', () => {
    if (me.token === '' || me.products.length === 0) {
      return;
    }
    const order = {
      items: [{ product_id: me.products[exec.vu.iterationInInstance % me.products.length], quantity: 1 }],
      shipping_address: {
        name: 'K Six',
        line1: '1 Load Street',
        city: 'London',
        postal_code: 'N1',
        country: 'GB',
      },
    };
    const key = `k6-${exec.scenario.startTime}-${exec.vu.idInTest}-${exec.vu.iterationInInstance}`;
    const request = authorized({ 'Idempotency-Key': key });
    const response = http.post(`${BASE_URL}/api/v1/orders`, JSON.stringify(order), request);
    orderLatency.add(response.timings.duration);
    const hasId = { says: 'has an id', holds: (b) => b.order_id !== '' && b.total_amount !== '' };
    if (judged(response, 'order', 201, 2000, hasId)) {
      successfulOrders.add(1);
      me.order = response.json('order_id');
    } else if (response.status === 0 || response.status >= 500) {
      unansweredOrders.add(1);
    }
  });
  sleep(PAUSE_S);

  group('order status', () => {
    if (me.order === '') {
      return;
    }
    const response = http.get(`${BASE_URL}/api/v1/orders/${me.order}`, {
      ...authorized(),
      tags: { name: '/api/v1/orders/{order_id}' },
    });
    apiLatency.add(response.timings.duration);
    judged(response, 'order status', 200, 500, { says: 'is the one', holds: (b) => b.id === me.order });
  });
  sleep(PAUSE_S);
}
