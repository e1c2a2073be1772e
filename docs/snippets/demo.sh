jointspace demo --out demo --steps 20
