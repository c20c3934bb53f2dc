"""How near to the truth are the frames we make, on footage whose true in-betweens are known?"""
