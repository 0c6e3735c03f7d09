module.exports = {
  apps: [
    {
      name: 'xenioo',
      script: 'dist/main.js',
      exec_mode: 'cluster',
      instances: 2,
      // Above shutdownTimeoutMs (10 s): PM2 kills a process that takes longer.
      kill_timeout: 15_000,
    },
  ],
};
