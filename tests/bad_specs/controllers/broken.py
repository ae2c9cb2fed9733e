class Pick:
    def step(self, role:
        pass
