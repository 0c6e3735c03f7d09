import { Test, TestingModule } from '@nestjs/testing';
import { INestApplication } from '@nestjs/common';
import request from 'supertest';
import { App } from 'supertest/types';
import { xeniooEntry } from 'nestjs-xenioo/testing';
import { AppModule } from './../src/app.module';
import { Crm } from './../src/crm';

describe('AppController (e2e)', () => {
  let app: INestApplication<App>;

  beforeEach(async () => {
    const moduleFixture: TestingModule = await Test.createTestingModule({
      imports: [AppModule],
      providers: [Crm],
    }).compile();

    app = moduleFixture.createNestApplication();
    await app.init();
  });

  it('/ (GET)', () => {
    return request(app.getHttpServer())
      .get('/')
      .expect(200)
      .expect('Hello World!');
  });

  it('/xenioo/webhook (POST)', async () => {
    await request(app.getHttpServer())
      .post('/xenioo/webhook')
      .auth(process.env.XENIOO_SECRET ?? '', { type: 'bearer' })
      .send([xeniooEntry.userMessage({ Data: 'Hello!' })])
      .expect(200);

    expect(app.get(Crm).texts).toEqual(['Hello!']);
  });

  it('/xenioo/webhook (POST) with a wrong secret', async () => {
    await request(app.getHttpServer())
      .post('/xenioo/webhook')
      .auth('wrong', { type: 'bearer' })
      .send([xeniooEntry.userMessage({ Data: 'Hello!' })])
      .expect(401);

    expect(app.get(Crm).texts).toEqual([]);
  });

  afterEach(async () => {
    await app.close();
  });
});
