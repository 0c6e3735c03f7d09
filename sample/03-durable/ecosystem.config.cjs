module.exports = {
  apps: [
    {
      name: 'xenioo',
      script: 'dist/main.js',
      exec_mode: 'cluster',
      instances: 2,
      // Reload ends an old process only when the new one listens; after this time it does so anyway.
      listen_timeout: 60_000,
      // Above shutdownTimeoutMs (10 s): PM2 kills a process that takes longer.
      kill_timeout: 15_000,
    },
  ],
};
