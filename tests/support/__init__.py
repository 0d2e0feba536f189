"""What several tests share: real servers, fakes that pass the real adapters' suites, event files."""
